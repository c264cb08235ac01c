package dev.atelier.local.command;

import dev.atelier.cli.CommandFailure;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetManifest;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.NumpyImages;
import dev.atelier.dataset.PackedImages;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.evaluation.DatasetFeatures;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.FeaturePass;
import dev.atelier.evaluation.Gaussian;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.evaluation.MeasuredFeatures;
import dev.atelier.evaluation.RandomConvExtractor;
import dev.atelier.evaluation.Reference;
import dev.atelier.evaluation.ReferenceStatistics;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.ExifOrientation;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.PassedOver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options of the commands that compare images without a server, and what they do alike. */
final class ComparedImages {

  private static final int BATCH_SIZE = 64;
  private static final String NETWORK = FeatureExtractor.INCEPTION_NAME + "|[0-9a-fA-F]{64}";
  private static final String NEEDS_EXTRACTOR =
      "--extractor is needed to measure images: expected FILE.pt or random-conv.";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--extractor",
      paramLabel = "FILE.pt",
      description =
          "A TorchScript network that gives features, by path or URL; or random-conv. Needed for"
              + " images.")
  private Optional<String> extractor;

  @Option(
      names = "--statistics-extractor",
      paramLabel = "NETWORK",
      description =
          "The network that made the .npz statistics that do not say it: inception-2015-12-05 or a SHA-256. Without it they are not called FID.")
  private Optional<String> statisticsExtractor;

  @Option(
      names = "--resolution",
      paramLabel = "PIXELS",
      defaultValue = "32",
      description = "Images are cropped and resized to it (${DEFAULT-VALUE}).")
  private int resolution;

  @Option(
      names = "--resize-to",
      paramLabel = "PIXELS",
      description = "What the extractor wants, when that is another size.")
  private Optional<Integer> resizeTo;

  @Option(
      names = "--max-images",
      paramLabel = "N",
      defaultValue = "10000000",
      description = "The first ones in name order of each.")
  private int maxImages;

  @Option(
      names = "--exif-orientation",
      description =
          "Turn images as their EXIF says; without it they are measured as stored, as pytorch-fid"
              + " does.")
  private boolean exifOrientation;

  @Option(
      names = "--max-lost-share",
      paramLabel = "SHARE",
      defaultValue = "0.1",
      description =
          "Share of a source's images that may be lost, damaged or encrypted ones say (${DEFAULT-VALUE}).")
  private double maxLostShare;

  @Option(names = "--threads", paramLabel = "N", description = "CPU threads (all cores).")
  private Optional<Integer> threads;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      defaultValue = "${sys:user.home}/.atelier",
      description = "Keeps downloads and libtorch (${DEFAULT-VALUE}).")
  private Path data;

  /** What is done with what the options name. */
  interface Work {
    void run(Session session) throws IOException, CommandFailure;
  }

  /** What a user named, found good enough to measure. */
  sealed interface Source {}

  /** Images that are not measured yet. */
  record Prepared(String source, DatasetManifest manifest, PackedImages pixels) implements Source {
    int count() {
      return manifest.images();
    }
  }

  /** One side of a comparison. */
  sealed interface Side {
    /** What the user called it. */
    String source();

    /** Content hash of the prepared images, or of the file of statistics. */
    String sha256();
  }

  /** Images, measured. */
  record Images(String source, String sha256, MeasuredFeatures features) implements Side {}

  /** An .npz. */
  record Statistics(String source, String sha256, ReferenceStatistics statistics)
      implements Side, Source {}

  /** Whether a name is that of an .npz, which holds statistics or images. */
  static boolean namesNumpyFile(String source) {
    return source.toLowerCase(Locale.ROOT).endsWith(".npz");
  }

  /** Checks the options, then does the work; its failures become sentences. */
  void compare(List<String> sources, Work work) throws CommandFailure {
    if (resolution < 8 || resolution > 256) {
      throw wrongUsage("--resolution must be from 8 to 256, found %d.".formatted(resolution));
    }
    if (maxImages < 2) {
      throw wrongUsage("--max-images must be 2 or more, found %d.".formatted(maxImages));
    }
    if (!(maxLostShare >= 0 && maxLostShare <= 1)) {
      throw wrongUsage("--max-lost-share must be from 0 to 1, found %s.".formatted(maxLostShare));
    }
    if (statisticsExtractor.isPresent() && !statisticsExtractor.get().matches(NETWORK)) {
      throw wrongUsage(
          "--statistics-extractor must be %s or the 64 hexadecimal digits of a SHA-256, found '%s'."
              .formatted(FeatureExtractor.INCEPTION_NAME, statisticsExtractor.get()));
    }
    if (extractor.isEmpty() && !sources.stream().allMatch(ComparedImages::namesNumpyFile)) {
      throw wrongUsage(NEEDS_EXTRACTOR);
    }
    if (System.getenv("DJL_CACHE_DIR") == null) {
      System.setProperty("DJL_CACHE_DIR", data.resolve("djl").toAbsolutePath().toString());
    }
    try {
      Path directory = Files.createTempDirectory("atelier-compare-");
      try {
        Libtorch.useThreads(threads.orElse(Runtime.getRuntime().availableProcessors()));
        try (Session session = new Session(directory)) {
          work.run(session);
        }
      } finally {
        delete(directory);
      }
    } catch (IOException | UncheckedIOException e) {
      throw new CommandFailure(
          "Cannot measure '%s': %s".formatted(String.join("' and '", sources), e), e);
    } catch (DatasetException | ExtractorException | EvaluationException e) {
      throw new CommandFailure(e.getMessage(), e);
    }
  }

  ParameterException wrongUsage(String message) {
    return new ParameterException(command.commandLine(), message);
  }

  private DatasetPreparation preparation() {
    return new DatasetPreparation(
        data.resolve("downloads"),
        uri -> {
          throw new IOException("this command reads no s3: sources");
        },
        new PreparationListener() {
          @Override
          public void onProgress(String sentence) {}

          @Override
          public void onNotice(String sentence) {
            tell(sentence);
          }
        });
  }

  /** Says something beside the result. */
  private void tell(String sentence) {
    command.commandLine().getErr().println(sentence);
    command.commandLine().getErr().flush();
  }

  private static void delete(Path folder) throws IOException {
    List<Path> childrenFirst;
    try (Stream<Path> tree = Files.walk(folder)) {
      childrenFirst = tree.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : childrenFirst) {
      Files.delete(path);
    }
  }

  /** The loaded extractor. */
  record Extractor(String name, String sha256, FeatureExtractor network) {}

  /** The networks of one run of a command. */
  final class Session implements AutoCloseable {

    private final Path directory;
    private final LinearAlgebra algebra = new LinearAlgebra();
    private final Optional<Extractor> loaded;
    private int prepared;

    private Session(Path directory) throws IOException, CommandFailure {
      this.directory = directory;
      this.loaded = extractor.isPresent() ? Optional.of(load(extractor.get())) : Optional.empty();
    }

    private Extractor load(String source) throws IOException, CommandFailure {
      boolean builtIn = source.equals(RandomConvExtractor.NAME);
      Path file = builtIn ? directory.resolve("random-conv.pt") : preparation().fetch(source);
      if (builtIn) {
        RandomConvExtractor.write(file);
      } else if (!Files.isRegularFile(file)) {
        throw new CommandFailure(
            "Extractor '%s' is no file: expected a TorchScript file or random-conv."
                .formatted(source));
      }
      String name = builtIn ? RandomConvExtractor.NAME : file.getFileName().toString();
      String sha256 = Sha256.of(file);
      try {
        return new Extractor(
            name, sha256, FeatureExtractor.open(file, name, sha256, resizeTo, resolution, "cpu"));
      } catch (ExtractorException e) {
        throw new ExtractorException(preparation().unusable(source, e.getMessage()), e);
      }
    }

    LinearAlgebra algebra() {
      return algebra;
    }

    Optional<Extractor> extractor() {
      return loaded;
    }

    int resolution() {
      return resolution;
    }

    Optional<Integer> resizeTo() {
      return resizeTo;
    }

    /** Reads statistics, or decodes and counts images; wrong ones are refused. */
    Source open(String source) throws IOException, CommandFailure {
      return holdsStatistics(source) ? statistics(source) : prepare(source);
    }

    /** An .npz holds statistics, unless it holds images. */
    boolean holdsStatistics(String source) {
      if (!namesNumpyFile(source)) {
        return false;
      }
      try {
        return !NumpyImages.isIn(preparation().fetch(source));
      } catch (IOException e) {
        return true; // what reads statistics says what is wrong with it
      }
    }

    /** Measures images that stand for what is real. */
    Side reference(Source source) {
      if (source instanceof Prepared images) {
        return measure(images, FeaturePass.ofReference(images.count(), network(), algebra));
      }
      return (Statistics) source;
    }

    /** Measures images whose class score is wanted too. */
    Images samples(Prepared images) {
      return measure(images, FeaturePass.ofSamples(images.count(), network(), algebra));
    }

    private FeatureExtractor network() {
      return loaded.orElseThrow().network();
    }

    private Images measure(Prepared images, FeaturePass pass) {
      return new Images(
          images.source(),
          images.manifest().sha256(),
          DatasetFeatures.measure(images.pixels(), BATCH_SIZE, pass, done -> {}));
    }

    private Statistics statistics(String source) {
      Path file = preparation().fetch(source);
      ReferenceStatistics statistics;
      try {
        statistics =
            ReferenceStatistics.read(file)
                .requireCovariance(source, algebra)
                .madeBy(source, statisticsExtractor);
      } catch (EvaluationException e) {
        throw new EvaluationException(preparation().unusable(source, e.getMessage()), e);
      }
      loaded.ifPresent(
          e -> statistics.requireExtractor(source, e.name(), e.sha256(), e.network().dimension()));
      return new Statistics(source, Sha256.of(file), statistics);
    }

    Prepared prepare(String source) throws IOException, CommandFailure {
      if (loaded.isEmpty()) {
        throw wrongUsage(NEEDS_EXTRACTOR);
      }
      Path folder = Files.createDirectory(directory.resolve("images-" + prepared++));
      DatasetManifest manifest = preparation().prepare(spec(source), folder).manifest();
      if (!manifest.passedOver().isEmpty()) {
        tell(
            "Passed over of '%s': %s."
                .formatted(source, PassedOver.sentence(manifest.passedOver())));
      }
      MeasuredFeatures.requireEnough(
          "images in '%s'".formatted(source), manifest.images(), network().dimension());
      List<Path> shards =
          manifest.shards().stream().map(shard -> folder.resolve(shard.name())).toList();
      return new Prepared(source, manifest, PackedImages.open(manifest, shards));
    }

    private DatasetSpec spec(String source) {
      return new DatasetSpec(
          source,
          "",
          resolution,
          maxImages,
          null,
          null,
          exifOrientation ? ExifOrientation.APPLIED : ExifOrientation.IGNORED,
          maxLostShare);
    }

    @Override
    public void close() {
      loaded.ifPresent(e -> e.network().close());
      algebra.close();
    }
  }

  /** The Gaussian of either kind of side. */
  static Gaussian gaussian(Side side) {
    if (side instanceof Images images) {
      return images.features().statistics().gaussian();
    }
    return ((Statistics) side).statistics().gaussian();
  }

  /** What a side is as a reference. */
  static Reference asReference(Side side) {
    return side instanceof Images images
        ? Reference.of(images.features())
        : Reference.of(((Statistics) side).statistics());
  }

  /** Such as: 500 images of 'A'. */
  static String described(Side side) {
    return side instanceof Images images
        ? "%d images of '%s'".formatted(images.features().statistics().count(), side.source())
        : "the statistics '%s'".formatted(side.source());
  }
}
