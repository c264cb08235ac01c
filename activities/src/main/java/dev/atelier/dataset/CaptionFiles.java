package dev.atelier.dataset;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * The files of a source that have captions.
 *
 * @param names of the files, as the source has them
 */
record CaptionFiles(Kind kind, Set<String> names) {

  static final CaptionFiles NONE = new CaptionFiles(Kind.NONE, Set.of());

  /** How captions are written. */
  enum Kind {
    NONE,
    JSON_LINES, // metadata.jsonl of an imagefolder of Hugging Face
    COCO,
    TEXT, // a .txt of the name of its image, a caption in each line
    JSON // a .json of the name of its image
  }

  /** What can be read, as sentences name it. */
  static final String EXPECTED =
      "metadata.jsonl, annotations of COCO (captions*.json), or a .txt or .json of each image's name";

  /** Finds those beside the images: the first kind of which there is any. */
  static CaptionFiles among(Collection<String> names, ImageNames images) {
    for (Kind kind : List.of(Kind.JSON_LINES, Kind.COCO, Kind.TEXT, Kind.JSON)) {
      Set<String> found =
          names.stream().filter(isOf(kind, images)).collect(Collectors.toUnmodifiableSet());
      if (!found.isEmpty()) {
        return new CaptionFiles(kind, found);
      }
    }
    return NONE;
  }

  private static Predicate<String> isOf(Kind kind, ImageNames images) {
    return name -> {
      String base = ImageNames.baseName(name).toLowerCase(Locale.ROOT);
      return switch (kind) {
        case JSON_LINES -> base.equals("metadata.jsonl");
        case COCO -> base.startsWith("captions") && base.endsWith(".json");
        case TEXT -> base.endsWith(".txt") && images.slotOfStem(name) != ImageNames.UNKNOWN;
        case JSON -> base.endsWith(".json") && images.slotOfStem(name) != ImageNames.UNKNOWN;
        case NONE -> false;
      };
    };
  }

  /** Reads every caption of the files. */
  void read(SourceFiles files, Optional<String> column, ImageNames images, CaptionSink sink)
      throws IOException {
    if (kind == Kind.COCO) {
      Map<String, Map<Object, Integer>> ids = new HashMap<>(); // before annotations, in any order
      forEach(files, (name, in) -> ids.put(name, CaptionJson.cocoImages(name, in, images)));
      forEach(
          files,
          (name, in) ->
              CaptionJson.cocoCaptions(name, in, column, ids.getOrDefault(name, Map.of()), sink));
      return;
    }
    forEach(
        files,
        (name, in) -> {
          switch (kind) {
            case JSON_LINES -> CaptionJson.readLines(name, in, column, images, sink);
            case TEXT, JSON -> readBeside(name, in, column, images.slotOfStem(name), sink);
            case COCO, NONE -> throw new IllegalStateException("Read elsewhere: " + kind);
          }
        });
  }

  private void readBeside(
      String name, InputStream in, Optional<String> column, int slot, CaptionSink sink)
      throws IOException {
    if (kind == Kind.JSON) {
      readObject(name, in, column, slot, sink);
      return;
    }
    byte[] bytes = in.readNBytes(CaptionJson.MOST_LINE_BYTES + 1);
    if (bytes.length > CaptionJson.MOST_LINE_BYTES) {
      sink.damaged(name);
      return;
    }
    List<String> lines =
        new String(bytes, StandardCharsets.UTF_8).lines().filter(l -> !l.isBlank()).toList();
    lines.forEach(line -> sink.add(slot, line, name));
    if (lines.isEmpty()) {
      sink.add(slot, "", name);
    }
  }

  /** Reads the captions of one image from an object of JSON. */
  static void readObject(
      String name, InputStream in, Optional<String> column, int slot, CaptionSink sink)
      throws IOException {
    byte[] bytes = in.readNBytes(CaptionJson.MOST_LINE_BYTES + 1);
    if (bytes.length > CaptionJson.MOST_LINE_BYTES) {
      sink.damaged(name);
    } else {
      CaptionJson.readObject(name, bytes, column, slot, sink);
    }
  }

  /** That a source has none. */
  static IOException none() {
    return new IOException(
        "it has no captions beside its images: expected %s (dataset.captions.source names a file elsewhere), found none."
            .formatted(EXPECTED));
  }

  @FunctionalInterface
  private interface FileReader {
    void read(String name, InputStream in) throws IOException;
  }

  private void forEach(SourceFiles files, FileReader reader) throws IOException {
    files.forEach(
        (entry, content) -> {
          if (entry instanceof SourceFiles.Entry.File && names.contains(entry.name())) {
            try (InputStream in = new BufferedInputStream(content.open(), 1 << 16)) {
              reader.read(entry.name(), in);
            }
          }
        });
  }

  /**
   * Reads a file that lies elsewhere, which names images as seen from the root of the source.
   *
   * @throws IOException if it is not of a kind that is read
   */
  static void readElsewhere(Path file, Optional<String> column, ImageNames images, CaptionSink sink)
      throws IOException {
    String name = EntryName.of(file.getFileName());
    String lowerCase = name.toLowerCase(Locale.ROOT);
    if (Files.isRegularFile(file) && CaptionTable.isNamed(name)) {
      CaptionTable.read(file, column, images, sink);
      return;
    }
    Kind kind =
        lowerCase.endsWith(".jsonl")
            ? Kind.JSON_LINES
            : lowerCase.endsWith(".json") ? Kind.COCO : Kind.NONE;
    if (kind == Kind.NONE || !Files.isRegularFile(file)) {
      throw new IOException(
          "'%s' has no captions that are read: expected a .jsonl of lines, a .json of COCO, or a .parquet or .csv with columns of file names and captions."
              .formatted(EntryName.shown(name)));
    }
    SourceFiles one =
        visitor ->
            visitor.visit(
                new SourceFiles.Entry.File(name, Files.size(file)),
                () -> Files.newInputStream(file));
    new CaptionFiles(kind, Set.of(name)).read(one, column, images, sink);
  }
}
