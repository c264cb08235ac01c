package dev.atelier.dataset;

import dev.atelier.dataset.SourceListing.Found;
import dev.atelier.dataset.SourceListing.Lost;
import dev.atelier.dataset.image.ImageFormat;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.ShapesSource;
import dev.atelier.spec.SourceLocation;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.PassedOver.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Brings any source a {@link DatasetSpec} may name into one form: packed uint8 RGB images of one
 * size and a manifest.
 *
 * <p>Images keep the order of their names, whatever order the container has. {@code maxImages}
 * keeps the first in that order; one among them that is lost, damaged or encrypted say, is not
 * replaced. Every file that is passed over is counted by its reason, and more lost images than
 * {@code maxLostShare} allows are refused. CIFAR-10's {@code test_batch.bin} is left out unless
 * {@code subdirectory} names the file itself.
 */
public final class DatasetPreparation {

  static final URI CIFAR10_BASE = URI.create("https://www.cs.toronto.edu/~kriz/");
  static final String CIFAR10_FILE = "cifar-10-binary.tar.gz";
  static final String CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530";

  private static final Pattern CIFAR_FILE =
      Pattern.compile("data_batch_\\d+\\.bin|test_batch\\.bin");
  private static final String CIFAR_TEST_FILE = "test_batch.bin";
  private static final Pattern OTHER_IMAGE_FILE =
      Pattern.compile(
          ".*\\.(pam|avif|heic|heif|jp2|j2k|jpx|jxl|tga|ico|icns|svg|psd|exr|hdr|pcx|qoi|dds|dng|cr2|cr3|nef|arw|orf|rw2|raf)");
  private static final Pattern ARCHIVE_FILE =
      Pattern.compile(".*\\.(zip|tar|tgz|tbz2|txz|gz|xz|bz2|zst|7z|rar|lz4)");

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
    Optional<RemoteShards> shards = shards(name, spec);
    boolean known =
        name instanceof SourceName.Shapes
            || name instanceof SourceName.Cifar10
            || shards.isPresent();
    return new Source(
        spec,
        name,
        known ? Optional.empty() : Optional.of(fetched(spec.source())),
        shards,
        spec.captions().flatMap(DatasetSpec.CaptionsSpec::source).map(this::fetched));
  }

  /** The shards of the object store that a pattern names; empty: the source is something else. */
  private Optional<RemoteShards> shards(SourceName name, DatasetSpec spec) {
    if (!(name instanceof SourceName.Files files)
        || !(files.location() instanceof SourceLocation.StoredObject object)
        || ShardNames.of(baseName(object.key())).isEmpty()) {
      return Optional.empty();
    }
    String shown = SourceName.shown(spec.source());
    guard.require(object, shown);
    if (spec.captions().flatMap(DatasetSpec.CaptionsSpec::source).isPresent()) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot use dataset.captions.source with the shards '%s': expected the captions in them, a .txt or .json of each image's key, or columns of Parquet."
              .formatted(shown));
    }
    try {
      return Optional.of(s3.shards(object));
    } catch (IOException e) {
      throw cannotFetch(shown, e);
    }
  }

  private static DatasetException cannotFetch(String shown, IOException e) {
    return new DatasetException(
        DatasetException.Kind.UNREACHABLE,
        "Cannot fetch '%s': %s".formatted(shown, e.getMessage()),
        e);
  }

  private Path fetched(String source) {
    Path path = fetch(source);
    if (!Files.exists(path) && ShardNames.of(path).isEmpty()) {
      throw new DatasetException(
          DatasetException.Kind.UNREACHABLE,
          "Cannot read the dataset source '%s': there is no file or directory '%s'."
              .formatted(SourceName.shown(source), path));
    }
    return path;
  }

  /** What a spec names: its content can be told before anything is decoded. */
  public final class Source {

    private final DatasetSpec spec;
    private final SourceName name;
    private final Optional<Path> path; // empty: what it holds is known without it
    private final Optional<RemoteShards> shards;
    private final Optional<Path> captions;

    private Source(
        DatasetSpec spec,
        SourceName name,
        Optional<Path> path,
        Optional<RemoteShards> shards,
        Optional<Path> captions) {
      this.spec = spec;
      this.name = name;
      this.path = path;
      this.shards = shards;
      this.captions = captions;
    }

    /** What a user brought shard by shard; empty: it is something else. */
    public Optional<RemoteShards> broughtShards() {
      return shards;
    }

    /** The file with captions that a user brought; empty: they lie beside the images. */
    public Optional<Path> broughtCaptions() {
      return captions;
    }

    /**
     * The file or directory that a user brought; empty: the source is the platform's own, or they
     * are {@link #broughtShards}.
     */
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
        ShapesSource scenes = shapes.scenes();
        return "shapes, count %d, seed %d%s"
            .formatted(
                scenes.count(),
                scenes.seed(),
                scenes.without().isEmpty() ? "" : ", without " + scenes.without());
      }
      if (shards.isPresent()) {
        return "shards of the store " + shards.get().content();
      }
      return path.map(files -> orDropped(() -> contentOf(files, spec)))
          .orElse("CIFAR-10, MD5 " + cifar10Md5);
    }

    /** What determines the captions beside {@link #content}; empty: none are read. */
    public Optional<String> captionContent() {
      return spec.captions()
          .map(
              asked ->
                  "column %s, %s"
                      .formatted(
                          asked.column().orElse("any"),
                          captions.map(file -> orDropped(() -> hash(file))).orElse("beside")));
    }

    private String hash(Path file) {
      try (InputStream in = Files.newInputStream(file)) {
        return new ContentHash(listener).of(in);
      } catch (InterruptedIOException e) {
        throw new UncheckedIOException(e);
      } catch (IOException e) {
        throw cannotRead(SourceName.shown(spec.captions().get().source().get()), e);
      }
    }

    /**
     * Writes shards and manifest into {@code directory}, the manifest last.
     *
     * @throws DatasetException when the source cannot be reached or holds no image
     * @throws UncheckedIOException when {@code directory} cannot be written, or the thread was
     *     interrupted
     */
    public PreparedDataset prepare(Path directory) {
      if (shards.isPresent()) {
        return orDropped(() -> joined(shards.get(), spec, directory));
      }
      DatasetManifest manifest =
          name instanceof SourceName.Shapes shapes
              ? drawShapes(shapes.scenes(), spec, directory)
              : orDropped(
                  () ->
                      decodeFiles(
                          path.orElseGet(() -> fetched(spec.source())),
                          captions,
                          spec,
                          directory,
                          Extent.WHOLE));
      return new PreparedDataset(directory, manifest);
    }

    /**
     * What reading the source gives; a download that proves unreadable is not kept, see {@link
     * #drop}.
     */
    private <T> T orDropped(Supplier<T> reading) {
      try {
        return reading.get();
      } catch (DatasetException e) {
        throw dropped(e);
      }
    }

    /** The same failure, after the download that it is of, if it is one, was dropped. */
    public DatasetException dropped(DatasetException e) {
      return e.kind() == DatasetException.Kind.CORRUPT
          ? new DatasetException(e.kind(), e.getMessage() + drop(spec.source()), e)
          : e;
    }
  }

  private PreparedDataset joined(RemoteShards shards, DatasetSpec spec, Path directory) {
    try {
      return PreparedParts.of(
          shards,
          spec,
          directory,
          (pattern, rest, work) ->
              new PreparedDataset(
                  work, decodeFiles(pattern, Optional.empty(), rest, work, Extent.PART)),
          listener,
          maxShardBytes);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot write the prepared images below '%s': %s".formatted(directory, e.getMessage()),
          e);
    }
  }

  /**
   * Bytes of address space that opening a source takes beside Java's own, for tables that native
   * code reads.
   */
  public static long mappedBytes(Path path, Optional<Path> captions) throws IOException {
    long table =
        captions.filter(file -> CaptionTable.isNamed(file.getFileName().toString())).isPresent()
            ? DuckTable.MEMORY_BYTES
            : 0;
    return Math.max(Tables.mappedBytes(path), table);
  }

  /** Writes shards and manifest of what the spec names, see {@link Source#prepare}. */
  public PreparedDataset prepare(DatasetSpec spec, Path directory) {
    return find(spec).prepare(directory);
  }

  /**
   * Writes shards and manifest of a file or directory that lies on this machine, see {@link
   * Source#prepare}.
   *
   * @param captions the file with captions; empty: they lie beside the images, if the spec asks for
   *     any
   * @param extent whether others are joined to it, see {@link PreparedParts}
   */
  public DatasetManifest decode(
      Path path, Optional<Path> captions, DatasetSpec spec, Path directory, Extent extent) {
    return decodeFiles(path, captions, spec, directory, extent);
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
    SourceFiles files = SourceFiles.listed(directory, guard);
    Choice choice = choose(files, spec, ClassPlace.ANY);
    Set<Integer> chosen = choice.entries().keySet();
    int[] place = {0};
    files.forEach(
        (entry, content) -> {
          boolean read =
              chosen.contains(place[0]++)
                  || choice.isBeside(entry.name())
                  || Tables.isTable(entry.name());
          if (entry instanceof SourceFiles.Entry.Folder) {
            return;
          }
          long bytes = read && entry instanceof SourceFiles.Entry.File file ? file.sizeBytes() : 0;
          try (InputStream in = read ? content.open() : InputStream.nullInputStream()) {
            visitor.visit(EntryName.shown(entry.name()), bytes, in);
          }
        });
  }

  private String contentOf(Path path, DatasetSpec spec) {
    ContentHash hash = new ContentHash(listener);
    try {
      Optional<ShardNames> shards = ShardNames.of(path);
      if (shards.isPresent()) {
        return "shards " + contentOf(shards.get().files(path), hash);
      }
      if (!Files.isDirectory(path)) {
        try (InputStream in = Files.newInputStream(path)) {
          // Its name says no more than how to read it.
          return (isCifar(path.toString()) ? "records " : "file ") + hash.of(in);
        }
      }
      SourceFiles files = SourceFiles.listed(path, guard);
      Choice chosen = choose(files, spec, ClassPlace.ANY);
      SortedMap<String, String> hashes = new TreeMap<>();
      chosen.forEach(
          files,
          (images, sizeBytes, content) -> {
            try (InputStream in = content.open()) {
              String sha256 = hash.of(in);
              images.forEach(image -> hashes.put(image.name(), sha256));
            }
          });
      files.forEach(
          (entry, content) -> {
            if (chosen.isBeside(entry.name()) || Tables.isTable(entry.name())) {
              try (InputStream in = content.open()) {
                hashes.put(entry.name(), hash.of(in));
              }
            }
          });
      // Those lost count too: what is said of them would else be said of another source.
      String found = EntryName.shown(hashes + " without " + chosen.passedOver().lost());
      return "directory " + ContentHash.of(found.getBytes(StandardCharsets.UTF_8));
    } catch (InterruptedIOException e) {
      throw new UncheckedIOException(e);
    } catch (IOException e) {
      throw cannotRead(SourceName.shown(spec.source()), e);
    }
  }

  private String contentOf(List<Path> files, ContentHash hash) throws IOException {
    StringBuilder all = new StringBuilder();
    for (Path file : files) {
      if (Files.isSymbolicLink(file)) {
        guard.requireRealPath(file);
      }
      try (InputStream in = Files.newInputStream(file)) {
        all.append(EntryName.of(file.getFileName())).append(' ').append(hash.of(in)).append('\n');
      }
    }
    return ContentHash.of(all.toString().getBytes(StandardCharsets.UTF_8));
  }

  /**
   * The files that a path stands for: one, or those of {@link ShardNames}.
   *
   * @throws DatasetException when a pattern names what is not there
   */
  public static List<Path> shards(Path path) throws IOException {
    Optional<ShardNames> shards = ShardNames.of(path);
    return shards.isPresent() ? shards.get().files(path) : List.of(path);
  }

  private static DatasetException cannotRead(String shown, IOException e) {
    return new DatasetException(
        DatasetException.Kind.CORRUPT,
        "Cannot read the dataset source '%s': %s".formatted(shown, reason(e)),
        e);
  }

  private static String reason(IOException e) {
    if (e instanceof FileSystemException file) {
      String why = file instanceof AccessDeniedException ? "access is denied" : file.getReason();
      return "'%s' cannot be read: %s.".formatted(file.getFile(), why);
    }
    return e.getMessage() == null ? "it is damaged (%s).".formatted(e) : e.getMessage();
  }

  private DatasetManifest drawShapes(ShapesSource scenes, DatasetSpec spec, Path directory) {
    int count = Math.min(scenes.count(), spec.maxImages());
    ShapesGenerator generator = new ShapesGenerator(scenes.seed());
    List<String> classes = spec.classConditional() ? ShapesGenerator.CLASSES : List.of();
    try (PackedShards shards =
            new PackedShards(directory, count, spec.resolution(), spec.channels(), listener);
        DecodingPool pool = new DecodingPool(listener, "drew", count);
        CaptionSlots captions =
            new CaptionSlots(directory, spec.captions().isEmpty() ? 0 : count)) {
      int index = 0;
      for (int i = 0; i < count; i++, index++) {
        index = generator.next(index, scenes.without());
        int slot = i;
        int drawn = index;
        pool.run(
            1,
            () ->
                shards.put(
                    slot, generator.render(drawn, spec.resolution()), generator.label(drawn)));
        if (spec.captions().isPresent()) {
          generator.captions(drawn).forEach(caption -> captions.add(slot, caption));
        }
      }
      pool.await();
      return shards.pack(
          maxShardBytes,
          List.of(),
          spec.source(),
          classes,
          spec.captions().map(asked -> captions),
          Extent.WHOLE);
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
    Path lies = ShardNames.of(path).isPresent() ? path.getParent() : path;
    if (location instanceof SourceLocation.LocalFile && Files.exists(lies)) {
      try {
        guard.requireRealPath(lies);
      } catch (IOException e) {
        throw new DatasetException(
            DatasetException.Kind.UNREACHABLE,
            "Cannot read '%s': %s".formatted(path, e.getMessage()),
            e);
      }
    }
    return path;
  }

  /**
   * Forgets what {@link #fetch} has brought from a web server, once that proves unreadable, so that
   * the next try asks for it anew.
   *
   * @return what to say of it, with a blank before it; empty where the source is no web server's
   */
  public String drop(String source) {
    if (!(SourceName.parse(source) instanceof SourceName.Files files)
        || !(files.location() instanceof SourceLocation.WebFile web)) {
      return "";
    }
    return new Download(downloadCache, listener, guard)
        .drop(web)
        .map(
            content ->
                " The server sent %s; the file is not kept, and the next try fetches it again."
                    .formatted(content))
        .orElse("");
  }

  /**
   * The sentence for a file that {@link #fetch} has brought and that cannot be used, which one of a
   * web server is then {@link #drop}ped for.
   *
   * @param fault what is wrong with it
   */
  public String unusable(String source, String fault) {
    String dropped = drop(source);
    return dropped.isEmpty() || fault.contains(shown(source))
        ? fault + dropped
        : "Cannot use '%s': %s%s".formatted(shown(source), fault, dropped);
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
        throw cannotFetch(shown, e);
      }
    }
    if (location instanceof SourceLocation.LocalFile file) {
      return file.path();
    }
    throw new DatasetException(
        DatasetException.Kind.CORRUPT,
        "Cannot fetch '%s': it names a folder of a teacher, expected a file or a directory."
            .formatted(shown));
  }

  /**
   * What is read of a source.
   *
   * @param entries by their places among all that the source is visited by
   * @param classes their names, if they have any
   * @param passedOver what is not read
   * @param names of all images of the source; none where nothing beside them is read
   * @param captions the files that have them, alike
   * @param labels files that name the classes of images, alike
   */
  private record Choice(
      Map<Integer, ChosenEntry> entries,
      List<String> classes,
      PassedOverFiles passedOver,
      ImageNames names,
      CaptionFiles captions,
      Set<String> labels) {

    /** Whether a file is read though it is no image. */
    boolean isBeside(String name) {
      return captions.names().contains(name) || labels.contains(name);
    }

    /** Those that have captions; the others are lost. */
    Choice captioned(CaptionSink sink) {
      return new Choice(
          left(
              image -> {
                Optional<Reason> lack =
                    image.cifar() ? Optional.of(Reason.NO_CAPTION) : sink.lack(image.firstSlot());
                lack.ifPresent(reason -> passedOver.add(reason, image.name()));
                return lack.isPresent() ? Optional.empty() : Optional.of(image);
              }),
          classes,
          passedOver,
          names,
          captions,
          labels);
    }

    /** Those that have labels, with them; the others are lost. */
    Choice labelled(ImageLabels found) {
      int[] numbers = found.classes();
      return new Choice(
          left(
              image -> {
                int number = image.cifar() ? ImageLabels.NONE : found.of(image.firstSlot());
                if (number < 0) {
                  passedOver.add(
                      number == ImageLabels.NONE ? Reason.NO_LABEL : Reason.DAMAGED_LABEL,
                      image.name());
                  return Optional.empty();
                }
                return Optional.of(image.labelled(Arrays.binarySearch(numbers, number)));
              }),
          IntStream.of(numbers).mapToObj(Integer::toString).toList(),
          passedOver,
          names,
          captions,
          labels);
    }

    private Map<Integer, ChosenEntry> left(Function<ImageFile, Optional<ImageFile>> kept) {
      Map<Integer, ChosenEntry> left = new HashMap<>();
      entries.forEach(
          (place, entry) -> {
            List<ImageFile> images =
                entry.images().stream().flatMap(image -> kept.apply(image).stream()).toList();
            if (!images.isEmpty()) {
              left.put(place, new ChosenEntry(entry.name(), entry.sizeBytes(), images));
            }
          });
      return left;
    }

    int images() {
      return entries.values().stream()
          .flatMap(entry -> entry.images().stream())
          .mapToInt(ImageFile::images)
          .sum();
    }

    /** Sees the entries that were chosen. */
    void forEach(SourceFiles files, ChosenVisitor visitor) throws IOException {
      int[] seen = {0, 0}; // entries, those chosen
      files.forEach(
          (file, content) -> {
            stopIfInterrupted();
            ChosenEntry entry = entries.get(seen[0]++);
            if (entry != null) {
              if (!file.name().equals(entry.name())) {
                throw new IOException(CHANGED);
              }
              seen[1]++;
              visitor.visit(entry.images(), entry.sizeBytes(), content);
            }
          });
      if (seen[1] < entries.size()) {
        throw new IOException(CHANGED);
      }
    }
  }

  private static final String CHANGED = "it changed while it was read.";

  /** A file, and the images that it is: many where links give it further names. */
  private record ChosenEntry(String name, long sizeBytes, List<ImageFile> images) {}

  @FunctionalInterface
  private interface ChosenVisitor {
    void visit(List<ImageFile> images, long sizeBytes, SourceFiles.Content content)
        throws IOException;
  }

  private DatasetManifest decodeFiles(
      Path path, Optional<Path> captions, DatasetSpec spec, Path directory, Extent extent) {
    String shown = SourceName.shown(spec.source());
    try {
      if (spec.classConditional() && !Tables.tables(path).isEmpty()) {
        throw new IOException(
            "dataset.classConditional needs images in folders of their classes, or with a .cls beside each, found tables.");
      }
      PassedOverFiles others = new PassedOverFiles();
      if (spec.subdirectory().isEmpty() && captions.isEmpty()) {
        Optional<SortedMap<String, Path>> tables = RowPreparation.tables(path, guard, others);
        if (tables.isPresent()) {
          return new RowPreparation(spec, guard, others, listener)
              .prepare(
                  tables.get(),
                  directory,
                  extent,
                  (shards, slots) -> pack(shards, others, List.of(), slots, spec, extent));
        }
      }
      boolean areShards = ShardNames.of(path).isPresent();
      SourceFiles files = told(SourceFiles.of(path, guard));
      Choice chosen = choose(files, spec, areShards ? ClassPlace.BESIDE : ClassPlace.ANY);
      if (spec.classConditional()
          && areShards
          && chosen.labels().isEmpty()
          && extent == Extent.WHOLE) {
        throw new IOException(
            "dataset.classConditional needs a .cls with the number of its class beside each image of the shards, found none.");
      }
      requireImages(chosen.images(), chosen.passedOver(), spec, extent);
      Choice labelled = chosen;
      if (spec.classConditional() && (areShards || !chosen.labels().isEmpty())) {
        labelled =
            chosen.labelled(
                ImageLabels.read(files, chosen.labels(), chosen.names(), chosen.images()));
        requireImages(labelled.images(), chosen.passedOver(), spec, extent);
      }
      return decode(files, labelled, chosen.images(), captions, spec, directory, extent);
    } catch (InterruptedIOException e) {
      throw new UncheckedIOException(e);
    } catch (IOException e) {
      throw cannotRead(shown, e);
    }
  }

  /** The same files, of which the listener hears. */
  private SourceFiles told(SourceFiles files) {
    return visitor ->
        files.forEach(
            (entry, content) -> {
              listener.onRead(EntryName.shown(entry.name()));
              visitor.visit(entry, content);
            });
  }

  private static void requireImages(
      int images, PassedOverFiles passedOver, DatasetSpec spec, Extent extent) {
    if (extent == Extent.WHOLE) {
      requireImages(images, passedOver, spec);
    }
  }

  static void requireImages(int images, PassedOverFiles passedOver, DatasetSpec spec) {
    String shown = SourceName.shown(spec.source());
    if (images == 0) {
      String others = PassedOver.sentence(passedOver.all());
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot use the dataset source '%s': expected images (%s) or CIFAR-10 binary files%s, found none%s."
              .formatted(
                  shown,
                  ImageFormat.all(),
                  spec.subdirectory().isEmpty() ? "" : " below '%s'".formatted(spec.subdirectory()),
                  others.isEmpty() ? "" : " that can be used; " + others));
    }
    int lost = passedOver.lostCount();
    if ((double) lost / (images + lost) > spec.maxLostShare()) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot use the dataset source '%s': %d of its %d images are lost, expected at most a share of %s (dataset.maxLostShare); %s."
              .formatted(
                  shown,
                  lost,
                  images + lost,
                  spec.maxLostShare(),
                  PassedOver.sentence(passedOver.lost())));
    }
  }

  /** A name of the source: a file to read, or why it is not read. */
  private record Candidate(String name, Optional<Found> file, Optional<Reason> reason) {
    boolean isRead() {
      return reason.isEmpty();
    }

    boolean isAnImage() {
      return reason.map(Reason::losesImages).orElse(true);
    }
  }

  /** Where the classes of images are told. */
  private enum ClassPlace {
    /** By files beside them, or else by their folders. */
    ANY,
    BESIDE
  }

  private Choice choose(SourceFiles files, DatasetSpec spec, ClassPlace classPlace)
      throws IOException {
    SourceListing listing =
        SourceListing.of(files, guard.limits(), DatasetPreparation::stopIfInterrupted);
    List<Candidate> below = below(candidates(listing), spec.subdirectory());
    ImageNames names = new ImageNames();
    List<String> others = besides(listing, spec, names);
    CaptionFiles captions =
        spec.captions().isPresent() && spec.captions().get().source().isEmpty()
            ? CaptionFiles.among(others, names)
            : CaptionFiles.NONE;
    Set<String> labels =
        spec.classConditional() ? ImageLabels.among(others, names) : Set.<String>of();
    ImageClasses classes =
        spec.classConditional() && classPlace == ClassPlace.ANY && labels.isEmpty()
            ? ImageClasses.of(
                below.stream().filter(DatasetPreparation::hasClass).map(Candidate::name).toList(),
                DatasetPreparation::isCifar)
            : ImageClasses.NONE;
    Map<Integer, ChosenEntry> chosen = new HashMap<>();
    PassedOverFiles passedOver = new PassedOverFiles();
    int slot = 0;
    int room = spec.maxImages();
    for (Candidate candidate : below) {
      if (captions.names().contains(candidate.name())
          || labels.contains(candidate.name())
          || Tables.areCaptions(candidate.name())) {
        continue;
      }
      if (!candidate.isAnImage()) {
        passedOver.add(candidate.reason().get(), candidate.name());
      } else if (room > 0 && !candidate.isRead()) {
        passedOver.add(candidate.reason().get(), candidate.name());
        room--;
      } else if (room > 0) {
        Found file = candidate.file().get();
        ImageFile image = imageFile(file, slot, room, spec, classes);
        if (image.images() > 0) {
          chosen
              .computeIfAbsent(
                  file.entry(),
                  e -> new ChosenEntry(file.origin(), file.sizeBytes(), new ArrayList<>(1)))
              .images()
              .add(image);
          if (spec.captions().isPresent() || !labels.isEmpty()) {
            names.keep(file.name(), slot);
          }
        }
        slot += image.images();
        room -= image.images();
      }
    }
    listener.onProgress("found %d images".formatted(slot));
    return new Choice(
        chosen,
        classes.names().stream().map(EntryName::shown).toList(),
        passedOver,
        names,
        captions,
        labels);
  }

  /**
   * The files that are no images, where captions or classes may lie beside them; all images are
   * then added to {@code names}.
   */
  private static List<String> besides(SourceListing listing, DatasetSpec spec, ImageNames names) {
    boolean labelled =
        spec.classConditional()
            && listing.found().stream().anyMatch(file -> ImageLabels.isNamed(file.name()));
    if (spec.captions().isEmpty() && !labelled) {
      return List.of();
    }
    List<String> others = new ArrayList<>();
    for (Found file : listing.found()) {
      Optional<Reason> reason = reason(file.name());
      if (reason.isEmpty()) {
        names.add(file.name());
      } else if (reason.get() == Reason.NO_IMAGE) {
        others.add(file.name());
      }
    }
    return others;
  }

  private static ImageFile imageFile(
      Found file, int slot, int room, DatasetSpec spec, ImageClasses classes) throws IOException {
    boolean cifar = isCifar(file.name());
    if (cifar && file.sizeBytes() % ImageDecoding.CIFAR_RECORD_BYTES != 0) {
      throw new IOException(
          "'%s' has %d bytes, expected a multiple of %d."
              .formatted(
                  EntryName.shown(file.name()),
                  file.sizeBytes(),
                  ImageDecoding.CIFAR_RECORD_BYTES));
    }
    long images = cifar ? file.sizeBytes() / ImageDecoding.CIFAR_RECORD_BYTES : 1;
    return new ImageFile(
        file.name(),
        cifar,
        slot,
        (int) Math.min(images, room),
        cifar && spec.classConditional()
            ? ImageFile.LABEL_OF_RECORD
            : classes.labelOf(file.name()));
  }

  /** Every name of the source, in name order. */
  private static List<Candidate> candidates(SourceListing listing) {
    List<Candidate> all = new ArrayList<>();
    for (Found file : listing.found()) {
      all.add(new Candidate(file.name(), Optional.of(file), reason(file.name())));
    }
    for (Lost lost : listing.lost()) {
      Optional<Reason> byName = reason(lost.name());
      boolean couldBeAnImage = byName.map(Reason::losesImages).orElse(true);
      Reason reason =
          switch (lost.reason()) {
            case ENCRYPTED, PACKING -> couldBeAnImage ? lost.reason() : byName.get();
            case REPEATED -> Reason.REPEATED;
            default -> byName.filter(Reason.HIDDEN::equals).orElse(lost.reason());
          };
      if (reason != Reason.REPEATED || couldBeAnImage) {
        all.add(new Candidate(lost.name(), Optional.empty(), Optional.of(reason)));
      }
    }
    all.sort(Comparator.comparing(Candidate::name));
    return all;
  }

  /** Why a file of this name is not read; empty: it is. */
  static Optional<Reason> reason(String name) {
    if (isHidden(name)) {
      return Optional.of(Reason.HIDDEN);
    }
    if (isImage(name) || isCifar(name)) {
      return Optional.empty();
    }
    String lowerCase = name.toLowerCase(Locale.ROOT);
    if (OTHER_IMAGE_FILE.matcher(lowerCase).matches()) {
      return Optional.of(Reason.FORMAT);
    }
    return Optional.of(
        ARCHIVE_FILE.matcher(lowerCase).matches() ? Reason.ARCHIVE : Reason.NO_IMAGE);
  }

  /** Whether a name counts where classes are told by folders: images do, a lost folder does not. */
  private static boolean hasClass(Candidate candidate) {
    return candidate.isAnImage() && (isImage(candidate.name()) || isCifar(candidate.name()));
  }

  /** What lies below {@code subdirectory}, also when all images share one leading folder. */
  private static List<Candidate> below(List<Candidate> files, String subdirectory) {
    String path = subdirectory.replaceAll("^[./]*/|^\\.$|/+$", "");
    boolean anyRead = files.stream().anyMatch(Candidate::isRead);
    List<String> images =
        files.stream()
            .filter(file -> anyRead ? file.isRead() : file.isAnImage())
            .map(Candidate::name)
            .toList();
    String root = path;
    if (!images.isEmpty() && images.stream().noneMatch(name -> isBelow(name, path))) {
      String first = images.get(0);
      String folder = first.substring(0, first.indexOf('/') + 1);
      if (!folder.isEmpty() && images.stream().allMatch(name -> name.startsWith(folder))) {
        root = folder + path;
      }
    }
    String chosen = root;
    return files.stream()
        .filter(file -> isBelow(file.name(), chosen))
        .map(file -> isTestSet(file, chosen) ? passedOver(file, Reason.TEST_SET) : file)
        .toList();
  }

  private static boolean isBelow(String name, String path) {
    return path.isEmpty() || name.equals(path) || name.startsWith(path + "/");
  }

  private static boolean isTestSet(Candidate file, String path) {
    return file.isRead()
        && baseName(file.name()).equals(CIFAR_TEST_FILE)
        && !file.name().equals(path);
  }

  private static Candidate passedOver(Candidate file, Reason reason) {
    return new Candidate(file.name(), Optional.empty(), Optional.of(reason));
  }

  /** slots: of all images that were chosen, those without labels among them. */
  private DatasetManifest decode(
      SourceFiles files,
      Choice chosen,
      int slots,
      Optional<Path> captionFile,
      DatasetSpec spec,
      Path directory,
      Extent extent)
      throws IOException {
    if (spec.captions().isEmpty()) {
      return decodeImages(files, chosen, slots, Optional.empty(), spec, directory, extent);
    }
    try (CaptionSlots captions = new CaptionSlots(directory, slots)) {
      CaptionSink sink = new CaptionSink(captions, chosen.passedOver());
      readCaptions(files, chosen, captionFile, spec, sink, extent);
      Choice captioned = chosen.captioned(sink);
      requireImages(captioned.images(), chosen.passedOver(), spec, extent);
      return decodeImages(files, captioned, slots, Optional.of(captions), spec, directory, extent);
    }
  }

  private void readCaptions(
      SourceFiles files,
      Choice chosen,
      Optional<Path> captionFile,
      DatasetSpec spec,
      CaptionSink sink,
      Extent extent)
      throws IOException {
    Optional<String> column = spec.captions().flatMap(DatasetSpec.CaptionsSpec::column);
    if (captionFile.isPresent()) {
      CaptionFiles.readElsewhere(captionFile.get(), column, chosen.names(), sink);
    } else if (chosen.captions().kind() == CaptionFiles.Kind.NONE && extent == Extent.WHOLE) {
      throw CaptionFiles.none();
    } else {
      chosen.captions().read(files, column, chosen.names(), sink);
    }
    listener.onProgress("read the captions");
  }

  /** slots: of all images that were chosen, those without captions among them. */
  private DatasetManifest decodeImages(
      SourceFiles files,
      Choice chosen,
      int slots,
      Optional<CaptionSlots> captions,
      DatasetSpec spec,
      Path directory,
      Extent extent)
      throws IOException {
    PassedOverFiles passedOver = chosen.passedOver();
    try (PackedShards shards =
            new PackedShards(directory, slots, spec.resolution(), spec.channels(), listener);
        DecodingPool pool = new DecodingPool(listener, "decoded", slots)) {
      ImageDecoding decoding = new ImageDecoding(spec, shards, pool, passedOver, listener);
      chosen.forEach(
          files,
          (images, sizeBytes, content) -> {
            try (InputStream in = content.open()) {
              // A row's bytes are there once it is read.
              long bytes =
                  sizeBytes < 0 && Tables.isImage(images.get(0).name())
                      ? in.available()
                      : sizeBytes;
              decoding.decode(images, bytes, in);
            }
          });
      listener.onRead("");
      pool.await();
      return pack(shards, passedOver, chosen.classes(), captions, spec, extent);
    }
  }

  private DatasetManifest pack(
      PackedShards shards,
      PassedOverFiles passedOver,
      List<String> classes,
      Optional<CaptionSlots> captions,
      DatasetSpec spec,
      Extent extent) {
    requireImages(shards.count(), passedOver, spec, extent);
    return shards.pack(
        maxShardBytes,
        passedOver.all(),
        SourceName.shown(spec.source()),
        classes,
        captions,
        extent);
  }

  static void stopIfInterrupted() throws InterruptedIOException {
    if (Thread.currentThread().isInterrupted()) {
      throw new InterruptedIOException("The preparation was interrupted.");
    }
  }

  private static boolean isImage(String name) {
    return ImageFormat.isNamed(baseName(name)) || Tables.isImage(name);
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
