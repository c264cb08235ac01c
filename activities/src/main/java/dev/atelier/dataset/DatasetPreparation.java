package dev.atelier.dataset;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.SourceLocation;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Brings any source a {@link DatasetSpec} may name into one form: packed uint8 RGB images of one
 * size and a manifest.
 *
 * <p>Images keep the order of their names, whatever order the container has. {@code maxImages}
 * keeps the first in that order; a damaged one among them is skipped and not replaced. Hidden files
 * and files that are no images are passed over in silence. CIFAR-10's {@code test_batch.bin} is
 * left out unless {@code subdirectory} names the file itself.
 */
public final class DatasetPreparation {

  static final URI CIFAR10_BASE = URI.create("https://www.cs.toronto.edu/~kriz/");
  static final String CIFAR10_FILE = "cifar-10-binary.tar.gz";
  static final String CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530";

  private static final int CIFAR_SIDE = 32;
  private static final int CIFAR_RECORD_BYTES = 1 + 3 * CIFAR_SIDE * CIFAR_SIDE; // label, pixels
  private static final int CIFAR_RECORDS_PER_TASK = 500;
  private static final Pattern CIFAR_FILE =
      Pattern.compile("data_batch_\\d+\\.bin|test_batch\\.bin");
  private static final String CIFAR_TEST_FILE = "test_batch.bin";
  private static final Pattern IMAGE_FILE =
      Pattern.compile(".*\\.(png|jpg|jpeg|jpe|jfif|gif|bmp|webp)");
  private static final int MAX_IMAGE_FILE_BYTES = 64 << 20;
  private static final int MAX_FILES = 20_000_000;

  private final Path downloadCache;
  private final RemoteFiles s3;
  private final PreparationListener listener;
  private final URI cifar10Base;
  private final String cifar10Md5;
  private final long maxShardBytes;
  private final SourceGuard guard;

  /** Of sources anywhere, which the person at this machine has named. */
  public DatasetPreparation(Path downloadCache, RemoteFiles s3, PreparationListener listener) {
    this(downloadCache, s3, listener, SourceGuard.OPEN);
  }

  /**
   * @param downloadCache directory that keeps what was fetched by HTTP
   * @param s3 brings {@code s3:} URIs
   * @param guard where sources may lie
   */
  public DatasetPreparation(
      Path downloadCache, RemoteFiles s3, PreparationListener listener, SourceGuard guard) {
    this(
        downloadCache,
        s3,
        listener,
        CIFAR10_BASE,
        CIFAR10_MD5,
        PackedShards.MAX_SHARD_BYTES,
        guard);
  }

  DatasetPreparation(
      Path downloadCache,
      RemoteFiles s3,
      PreparationListener listener,
      URI cifar10Base,
      String cifar10Md5,
      long maxShardBytes) {
    this(downloadCache, s3, listener, cifar10Base, cifar10Md5, maxShardBytes, SourceGuard.OPEN);
  }

  private DatasetPreparation(
      Path downloadCache,
      RemoteFiles s3,
      PreparationListener listener,
      URI cifar10Base,
      String cifar10Md5,
      long maxShardBytes,
      SourceGuard guard) {
    this.guard = guard;
    this.downloadCache = downloadCache;
    this.s3 = s3;
    this.listener = listener;
    this.cifar10Base = cifar10Base;
    this.cifar10Md5 = cifar10Md5;
    this.maxShardBytes = maxShardBytes;
  }

  /**
   * Finds the source that a spec names, and fetches it where it is not on this machine.
   *
   * @throws DatasetException when it cannot be reached, or lies where it may not
   */
  public Source find(DatasetSpec spec) {
    SourceName name = SourceName.parse(spec.source());
    boolean known = name instanceof SourceName.Shapes || name instanceof SourceName.Cifar10;
    return new Source(spec, name, known ? Optional.empty() : Optional.of(fetched(spec)));
  }

  private Path fetched(DatasetSpec spec) {
    Path path = fetch(spec.source());
    if (!Files.exists(path)) {
      throw new DatasetException(
          DatasetException.Kind.UNREACHABLE,
          "Cannot read the dataset source '%s': there is no file or directory '%s'."
              .formatted(SourceName.shown(spec.source()), path));
    }
    return path;
  }

  /** What a spec names: its content can be told before anything is decoded. */
  public final class Source {

    private final DatasetSpec spec;
    private final SourceName name;
    private final Optional<Path> path; // empty: what it holds is known without it

    private Source(DatasetSpec spec, SourceName name, Optional<Path> path) {
      this.spec = spec;
      this.name = name;
      this.path = path;
    }

    /** The file or directory that a user brought; empty: the source is the platform's own. */
    public Optional<Path> brought() {
      return path;
    }

    /**
     * What there is to prepare, the same for the same files wherever they lie: the SHA-256 of a
     * file, or of the names and the bytes of a directory's files that are chosen.
     *
     * @throws DatasetException when it cannot be read
     * @throws UncheckedIOException when the thread was interrupted
     */
    public String content() {
      if (name instanceof SourceName.Shapes shapes) {
        return "shapes, count %d, seed %d".formatted(shapes.count(), shapes.seed());
      }
      return path.map(files -> contentOf(files, spec)).orElse("CIFAR-10, MD5 " + cifar10Md5);
    }

    /**
     * Writes shards and manifest into {@code directory}, the manifest last.
     *
     * @throws DatasetException when the source cannot be reached or holds no image
     * @throws UncheckedIOException when {@code directory} cannot be written, or the thread was
     *     interrupted
     */
    public PreparedDataset prepare(Path directory) {
      DatasetManifest manifest =
          name instanceof SourceName.Shapes shapes
              ? drawShapes(shapes, spec, directory)
              : decodeFiles(path.orElseGet(() -> fetched(spec)), spec, directory);
      return new PreparedDataset(directory, manifest);
    }
  }

  /** Writes shards and manifest of what the spec names, see {@link Source#prepare}. */
  public PreparedDataset prepare(DatasetSpec spec, Path directory) {
    return find(spec).prepare(directory);
  }

  /**
   * Writes shards and manifest of a file or directory that lies on this machine, see {@link
   * Source#prepare}.
   */
  public DatasetManifest decode(Path path, DatasetSpec spec, Path directory) {
    return decodeFiles(path, spec, directory);
  }

  /** Sees a file; {@code content} is valid during the call only. */
  @FunctionalInterface
  public interface FileVisitor {
    void visit(String name, long bytes, InputStream content) throws IOException;
  }

  /**
   * Shows the files of a directory as far as {@link #decode} needs them: those that it would not
   * read are empty.
   *
   * @throws DatasetException when a link leads to where sources may not lie
   */
  public void forEachFile(Path directory, DatasetSpec spec, FileVisitor visitor)
      throws IOException {
    SourceFiles files = SourceFiles.of(directory, guard);
    Set<String> chosen = choose(files, spec).files().keySet();
    files.forEach(
        (name, size, content) -> {
          if (chosen.contains(name)) {
            try (InputStream in = content.open()) {
              visitor.visit(name, size, in);
            }
          } else {
            visitor.visit(name, 0, InputStream.nullInputStream());
          }
        });
  }

  private String contentOf(Path path, DatasetSpec spec) {
    ContentHash hash = new ContentHash(listener);
    try {
      if (!Files.isDirectory(path)) {
        try (InputStream in = Files.newInputStream(path)) {
          // Its name says no more than how to read it.
          return (isCifar(path.toString()) ? "records " : "file ") + hash.of(in);
        }
      }
      SourceFiles files = SourceFiles.of(path, guard);
      Set<String> chosen = choose(files, spec).files().keySet();
      SortedMap<String, String> hashes = new TreeMap<>();
      files.forEach(
          (name, size, content) -> {
            if (chosen.contains(name)) {
              try (InputStream in = content.open()) {
                hashes.put(name, hash.of(in));
              }
            }
          });
      return "directory " + ContentHash.of(hashes.toString().getBytes(StandardCharsets.UTF_8));
    } catch (InterruptedIOException e) {
      throw new UncheckedIOException(e);
    } catch (IOException e) {
      throw cannotRead(SourceName.shown(spec.source()), e);
    }
  }

  private static DatasetException cannotRead(String shown, IOException e) {
    return new DatasetException(
        DatasetException.Kind.CORRUPT,
        "Cannot read the dataset source '%s': %s".formatted(shown, e.getMessage()),
        e);
  }

  private DatasetManifest drawShapes(SourceName.Shapes shapes, DatasetSpec spec, Path directory) {
    int count = Math.min(shapes.count(), spec.maxImages());
    ShapesGenerator generator = new ShapesGenerator(shapes.seed());
    List<String> classes = spec.classConditional() ? ShapesGenerator.CLASSES : List.of();
    try (PackedShards shards =
            new PackedShards(directory, count, spec.resolution(), spec.channels(), listener);
        DecodingPool pool = new DecodingPool(listener, "drew", count)) {
      for (int i = 0; i < count; i++) {
        int index = i;
        pool.run(
            1,
            () ->
                shards.put(
                    index, generator.render(index, spec.resolution()), generator.label(index)));
      }
      pool.await();
      return shards.pack(maxShardBytes, 0, List.of(), spec.source(), classes);
    }
  }

  /**
   * The file or directory that a source names, fetched when it is not on this machine.
   *
   * @throws DatasetException when it cannot be reached, or lies where it may not
   */
  public Path fetch(String source) {
    if (!(SourceName.parse(source) instanceof SourceName.Files files)) {
      return cifar10(source);
    }
    SourceLocation location = files.location();
    guard.require(location, SourceName.shown(source));
    Path path = local(location, SourceName.shown(source));
    if (location instanceof SourceLocation.LocalFile && Files.exists(path)) {
      try {
        guard.requireRealPath(path);
      } catch (IOException e) {
        throw new DatasetException(
            DatasetException.Kind.UNREACHABLE,
            "Cannot read '%s': %s".formatted(path, e.getMessage()),
            e);
      }
    }
    return path;
  }

  /** A source as it may be shown and kept: without user, password and query. */
  public static String shown(String source) {
    return SourceName.shown(source);
  }

  private Path cifar10(String source) {
    if (!source.equals("cifar10")) {
      throw new DatasetException(
          DatasetException.Kind.UNREACHABLE, "'%s' names no file.".formatted(source));
    }
    return new Download(downloadCache, listener, guard.ofPlatform())
        .fetch(cifar10Base.resolve(CIFAR10_FILE), Optional.of(cifar10Md5));
  }

  private Path local(SourceLocation location, String shown) {
    if (location instanceof SourceLocation.WebFile file) {
      return new Download(downloadCache, listener, guard).fetch(file, Optional.empty());
    }
    if (location instanceof SourceLocation.StoredObject object) {
      try {
        return s3.fetch(object);
      } catch (IOException e) {
        throw new DatasetException(
            DatasetException.Kind.UNREACHABLE,
            "Cannot fetch '%s': %s".formatted(shown, e.getMessage()),
            e);
      }
    }
    return ((SourceLocation.LocalFile) location).path();
  }

  private static final int LABEL_OF_RECORD = -1;

  /** A file of the source: one image of a class, or {@code images} CIFAR-10 records. */
  private record ImageFile(String name, boolean cifar, int firstSlot, int images, int label) {}

  /** The files to read by their names, and the names of their classes if they have any. */
  private record Choice(Map<String, ImageFile> files, List<String> classes) {
    int images() {
      return files.values().stream().mapToInt(ImageFile::images).sum();
    }
  }

  private DatasetManifest decodeFiles(Path path, DatasetSpec spec, Path directory) {
    String shown = SourceName.shown(spec.source());
    try {
      SourceFiles files = SourceFiles.of(path, guard);
      Choice chosen = choose(files, spec);
      if (chosen.images() == 0) {
        throw noImage(shown, spec, "");
      }
      return decode(files, chosen, spec, directory);
    } catch (InterruptedIOException e) {
      throw new UncheckedIOException(e);
    } catch (IOException e) {
      throw cannotRead(shown, e);
    }
  }

  private static DatasetException noImage(String shown, DatasetSpec spec, String found) {
    return new DatasetException(
        DatasetException.Kind.CORRUPT,
        "Cannot use the dataset source '%s': expected PNG, JPEG, GIF, BMP or WebP images or CIFAR-10 binary files%s, found none%s."
            .formatted(
                shown,
                spec.subdirectory().isEmpty() ? "" : " below '%s'".formatted(spec.subdirectory()),
                found));
  }

  private record Listed(String name, long sizeBytes) {}

  private Choice choose(SourceFiles files, DatasetSpec spec) throws IOException {
    List<Listed> listed = new ArrayList<>();
    files.forEach(
        (name, size, content) -> {
          stopIfInterrupted();
          listener.onRead(name);
          if (!isHidden(name) && (isImage(name) || isCifar(name))) {
            if (listed.size() == MAX_FILES) {
              throw new IOException("expected at most %d images.".formatted(MAX_FILES));
            }
            listed.add(new Listed(name, size));
          }
        });
    List<Listed> below = new ArrayList<>(below(listed, spec.subdirectory()));
    below.sort(Comparator.comparing(Listed::name));
    ImageClasses classes =
        spec.classConditional()
            ? ImageClasses.of(
                below.stream().map(Listed::name).toList(), DatasetPreparation::isCifar)
            : ImageClasses.NONE;
    Map<String, ImageFile> chosen = new HashMap<>();
    int slot = 0;
    for (Listed file : below) {
      boolean cifar = isCifar(file.name());
      if (cifar && file.sizeBytes() % CIFAR_RECORD_BYTES != 0) {
        throw new IOException(
            "'%s' has %d bytes, expected a multiple of %d."
                .formatted(file.name(), file.sizeBytes(), CIFAR_RECORD_BYTES));
      }
      long images = cifar ? file.sizeBytes() / CIFAR_RECORD_BYTES : 1;
      int kept = (int) Math.min(images, spec.maxImages() - slot);
      // An archive may hold a name twice; the first counts.
      if (kept > 0
          && chosen.putIfAbsent(
                  file.name(),
                  new ImageFile(
                      file.name(),
                      cifar,
                      slot,
                      kept,
                      cifar && spec.classConditional()
                          ? LABEL_OF_RECORD
                          : classes.labelOf(file.name())))
              == null) {
        slot += kept;
      }
    }
    listener.onProgress("found %d images".formatted(slot));
    return new Choice(chosen, classes.names());
  }

  /** The files below {@code subdirectory}, also when all share one leading folder. */
  private static List<Listed> below(List<Listed> files, String subdirectory) {
    String path = subdirectory.replaceAll("^[./]*/|^\\.$|/+$", "");
    List<Listed> matching = files.stream().filter(f -> isBelow(f.name(), path)).toList();
    if (matching.isEmpty() && !files.isEmpty()) {
      String first = files.get(0).name();
      String folder = first.substring(0, first.indexOf('/') + 1);
      if (!folder.isEmpty() && files.stream().allMatch(f -> f.name().startsWith(folder))) {
        return files.stream().filter(f -> isBelow(f.name(), folder + path)).toList();
      }
    }
    return matching;
  }

  private static boolean isBelow(String name, String path) {
    if (name.equals(path)) {
      return true;
    }
    return (path.isEmpty() || name.startsWith(path + "/"))
        && !baseName(name).equals(CIFAR_TEST_FILE);
  }

  private DatasetManifest decode(SourceFiles files, Choice chosen, DatasetSpec spec, Path directory)
      throws IOException {
    ImageDecoder decoder = new ImageDecoder(spec.resolution());
    SkippedImages skipped = new SkippedImages();
    Map<String, ImageFile> wanted = new HashMap<>(chosen.files());
    int slots = chosen.images();
    try (PackedShards shards =
            new PackedShards(directory, slots, spec.resolution(), spec.channels(), listener);
        DecodingPool pool = new DecodingPool(listener, "decoded", slots)) {
      files.forEach(
          (name, size, content) -> {
            stopIfInterrupted();
            listener.onRead(name);
            ImageFile file = wanted.remove(name);
            if (file == null) {
              return;
            }
            try (InputStream in = content.open()) {
              if (file.cifar()) {
                decodeCifar(file, in, decoder, shards, pool);
              } else {
                decodeImage(file, in, decoder, shards, pool, skipped);
              }
            }
          });
      listener.onRead("");
      pool.await();
      if (!wanted.isEmpty()) {
        throw new IOException("it changed while it was read.");
      }
      String shown = SourceName.shown(spec.source());
      if (shards.count() == 0) {
        throw noImage(shown, spec, " among %d damaged files".formatted(skipped.count()));
      }
      return shards.pack(
          maxShardBytes, skipped.count(), skipped.firstNames(), shown, chosen.classes());
    }
  }

  private void decodeImage(
      ImageFile file,
      InputStream in,
      ImageDecoder decoder,
      PackedShards shards,
      DecodingPool pool,
      SkippedImages skipped)
      throws IOException {
    byte[] bytes = in.readNBytes(MAX_IMAGE_FILE_BYTES + 1);
    if (bytes.length > MAX_IMAGE_FILE_BYTES) {
      skipped.add(file.name());
      return;
    }
    pool.run(
        1,
        () -> {
          listener.onDecode(file.name());
          byte[] chw;
          try {
            chw = decoder.decode(bytes);
          } catch (IOException e) {
            skipped.add(file.name());
            return;
          } finally {
            listener.onDecode("");
          }
          shards.put(file.firstSlot(), chw, file.label());
        });
  }

  private void decodeCifar(
      ImageFile file, InputStream in, ImageDecoder decoder, PackedShards shards, DecodingPool pool)
      throws IOException {
    for (int done = 0; done < file.images(); done += CIFAR_RECORDS_PER_TASK) {
      int first = file.firstSlot() + done;
      int images = Math.min(CIFAR_RECORDS_PER_TASK, file.images() - done);
      byte[] records = in.readNBytes(images * CIFAR_RECORD_BYTES);
      if (records.length < images * CIFAR_RECORD_BYTES) {
        throw new IOException("'%s' ends early.".formatted(file.name()));
      }
      pool.run(
          images,
          () -> {
            listener.onDecode(file.name());
            for (int i = 0; i < images; i++) {
              int record = i * CIFAR_RECORD_BYTES;
              int label = file.label() == LABEL_OF_RECORD ? records[record] & 0xFF : 0;
              if (label >= ImageClasses.CIFAR10.size()) {
                throw new DatasetException(
                    DatasetException.Kind.CORRUPT,
                    "'%s' has the label %d: expected one of CIFAR-10's, 0 to 9."
                        .formatted(file.name(), label));
              }
              shards.put(first + i, decoder.decodePlanes(records, record + 1, CIFAR_SIDE), label);
            }
            listener.onDecode("");
          });
    }
  }

  private static void stopIfInterrupted() throws InterruptedIOException {
    if (Thread.currentThread().isInterrupted()) {
      throw new InterruptedIOException("The preparation was interrupted.");
    }
  }

  private static boolean isImage(String name) {
    return IMAGE_FILE.matcher(name.toLowerCase(Locale.ROOT)).matches();
  }

  private static boolean isCifar(String name) {
    return CIFAR_FILE.matcher(baseName(name)).matches();
  }

  private static String baseName(String name) {
    return name.substring(name.lastIndexOf('/') + 1);
  }

  /** Hidden files, and what macOS adds to archives. */
  private static boolean isHidden(String name) {
    return name.startsWith(".") || name.contains("/.") || name.startsWith("__MACOSX/");
  }
}
