package dev.atelier.dataset;

import dev.atelier.dataset.SourceFiles.Entry;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Files whose rows are images: Parquet as Hugging Face writes it, and LMDB as LSUN has it. Their
 * readers are native code, which opens users' files in the opener alone: who only lists a source
 * does not look into them.
 */
final class Tables {

  private static final String PARQUET = DuckTable.PARQUET;
  private static final String LMDB = "data.mdb";
  private static final String CAPTIONS = ".json";

  private Tables() {}

  /** Whether a file is a table by its name. */
  static boolean isTable(String name) {
    String base = ImageNames.baseName(name).toLowerCase(Locale.ROOT);
    return base.endsWith(PARQUET) || base.equals(LMDB);
  }

  /** Whether a name is that of an image in a table. */
  static boolean isImage(String name) {
    return isRow(name) && !name.endsWith(CAPTIONS);
  }

  /** Whether a name is that of the captions of an image in a table. */
  static boolean areCaptions(String name) {
    return isRow(name) && name.endsWith(CAPTIONS);
  }

  private static boolean isRow(String name) {
    return isTable(ImageNames.folder(name));
  }

  /** The name of a row's captions, a JSON object of its texts by their columns. */
  static String captionsOf(String image) {
    return image + CAPTIONS;
  }

  /** What becomes of the names of rows. */
  enum Names {
    /** They are listed, for which the heap must have room. */
    HELD,
    /** Each is forgotten after its row. */
    STREAMED;

    void count(ArchiveGuard counts, String name) throws IOException {
      switch (this) {
        case HELD -> counts.entry(name);
        case STREAMED -> counts.row();
      }
    }
  }

  /**
   * The rows of a file, below its name; empty: it is no table.
   *
   * @throws IOException if it is one by its name and not by its first bytes
   */
  static Optional<SourceFiles> of(Path file, SourceGuard guard) throws IOException {
    return isTable(EntryName.of(file.getFileName()))
        ? Optional.of(rows(file, guard, Names.HELD))
        : Optional.empty();
  }

  /** The rows of a table, below its name. */
  static SourceFiles rows(Path file, SourceGuard guard, Names names) {
    String name = EntryName.of(file.getFileName());
    SourceFiles rows =
        name.toLowerCase(Locale.ROOT).endsWith(PARQUET)
            ? new ParquetImages(file, guard.limits(), names)
            : new LmdbImages(file, guard.limits(), names);
    return visitor -> rows.forEach(below(name + "/", visitor));
  }

  /** The rows of a table. */
  static long count(Path file) throws IOException {
    if (isLmdb(file)) {
      return LmdbImages.count(file);
    }
    try (DuckTable table = DuckTable.open(file)) {
      return table.count();
    }
  }

  /** Shows what a visitor sees below a folder. */
  static SourceFiles.Visitor below(String prefix, SourceFiles.Visitor visitor) {
    return (entry, content) -> visitor.visit(below(prefix, entry), content);
  }

  private static Entry below(String prefix, Entry entry) {
    String name = prefix + entry.name();
    if (entry instanceof Entry.File file) {
      return new Entry.File(name, file.sizeBytes());
    }
    if (entry instanceof Entry.HardLink link) {
      return new Entry.HardLink(name, prefix + link.target());
    }
    if (entry instanceof Entry.SymbolicLink link) {
      return new Entry.SymbolicLink(name, link.target());
    }
    if (entry instanceof Entry.Unreadable none) {
      return new Entry.Unreadable(name, none.reason());
    }
    return new Entry.Folder(name);
  }

  /** Bytes of address space that reading a table takes beside Java's own. */
  static long mappedBytes(Path path) throws IOException {
    long bytes = 0;
    for (Path file : tables(path)) {
      // One is open at a time.
      long mapped = isLmdb(file) ? Files.size(file) : 0;
      bytes = Math.max(bytes, 2 * DuckTable.MEMORY_BYTES + mapped);
    }
    return bytes;
  }

  /** The tables of a file, a pattern, or a folder at any depth. */
  static List<Path> tables(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return DatasetPreparation.shards(path).stream().filter(Tables::isTable).toList();
    }
    try (Stream<Path> files = Files.walk(path, FileVisitOption.FOLLOW_LINKS)) {
      return files.filter(Tables::isTable).toList();
    } catch (UncheckedIOException e) {
      return List.of(); // whoever reads the folder says what is wrong with it
    }
  }

  private static boolean isTable(Path file) {
    return file.getFileName() != null && isTable(EntryName.of(file.getFileName()));
  }

  private static boolean isLmdb(Path file) {
    return EntryName.of(file.getFileName()).equalsIgnoreCase(LMDB);
  }

  /** Whether a file begins with these characters, a byte each. */
  static boolean startsWith(Path file, int at, String magic) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] head = in.readNBytes(at + magic.length());
      return new String(head, StandardCharsets.ISO_8859_1)
          .startsWith(magic, Math.min(at, head.length));
    }
  }
}
