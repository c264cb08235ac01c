package dev.atelier.cli;

import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetManifest;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.PackedImages;
import dev.atelier.evaluation.DatasetFeatures;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.FeatureStatistics;
import dev.atelier.evaluation.FrechetDistance;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.evaluation.RandomConvExtractor;
import dev.atelier.network.Libtorch;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.store.Sha256;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares two sets of images without any server; the last line is one number. */
@Command(
    name = "fid",
    description = "Measure the Fréchet distance of two image sources; its last line is the number.")
final class FidCommand implements Callable<Integer> {

  private static final int BATCH_SIZE = 64;
  private static final int MIN_IMAGES = 2; // a covariance needs two

  @Spec private CommandSpec command;

  @Parameters(
      index = "0",
      paramLabel = "A",
      description = "An image directory, an archive, a URL, cifar10 or shapes?count=N&seed=S.")
  private String first;

  @Parameters(index = "1", paramLabel = "B", description = "Another one.")
  private String second;

  @Option(
      names = "--extractor",
      paramLabel = "FILE.pt",
      required = true,
      description = "A TorchScript network that gives features; or random-conv.")
  private String extractor;

  @Option(
      names = "--resolution",
      paramLabel = "PIXELS",
      defaultValue = "32",
      description = "Both are cropped and resized to it (${DEFAULT-VALUE}).")
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

  @Option(names = "--threads", paramLabel = "N", description = "CPU threads (all cores).")
  private Optional<Integer> threads;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      defaultValue = "${sys:user.home}/.atelier",
      description = "Keeps downloads and libtorch (${DEFAULT-VALUE}).")
  private Path data;

  @Override
  public Integer call() throws CommandFailure {
    if (resolution < 8 || resolution > 256) {
      throw new ParameterException(
          command.commandLine(),
          "--resolution must be from 8 to 256, found %d.".formatted(resolution));
    }
    if (maxImages < MIN_IMAGES) {
      throw new ParameterException(
          command.commandLine(),
          "--max-images must be %d or more, found %d.".formatted(MIN_IMAGES, maxImages));
    }
    if (System.getenv("DJL_CACHE_DIR") == null) {
      System.setProperty("DJL_CACHE_DIR", data.resolve("djl").toAbsolutePath().toString());
    }
    try {
      Path work = Files.createTempDirectory("atelier-fid-");
      try {
        measure(work);
      } finally {
        delete(work);
      }
    } catch (IOException | UncheckedIOException e) {
      throw new CommandFailure("Cannot compare '%s' and '%s': %s".formatted(first, second, e), e);
    } catch (DatasetException | ExtractorException e) {
      throw new CommandFailure(e.getMessage(), e);
    }
    return ExitCode.OK;
  }

  private void measure(Path work) throws IOException, CommandFailure {
    boolean builtIn = extractor.equals(RandomConvExtractor.NAME);
    Path file = builtIn ? work.resolve("random-conv.pt") : Path.of(extractor);
    if (builtIn) {
      RandomConvExtractor.write(file);
    } else if (!Files.isRegularFile(file)) {
      throw new CommandFailure(
          "Extractor '%s' is no file: expected a TorchScript file or random-conv."
              .formatted(extractor));
    }
    PackedImages imagesA = prepare(first, Files.createDirectory(work.resolve("a")));
    PackedImages imagesB = prepare(second, Files.createDirectory(work.resolve("b")));
    String name = builtIn ? RandomConvExtractor.NAME : file.getFileName().toString();
    Libtorch.useThreads(threads.orElse(Runtime.getRuntime().availableProcessors()));
    double distance;
    try (FeatureExtractor network = FeatureExtractor.open(file, name, resizeTo, resolution, "cpu");
        LinearAlgebra algebra = new LinearAlgebra()) {
      distance =
          FrechetDistance.between(
              statistics(imagesA, network, algebra),
              statistics(imagesB, network, algebra),
              algebra);
    }
    Screen screen = Screen.standard();
    screen.print(
        "%s of %d and %d images at %d×%d:"
            .formatted(
                FeatureExtractor.metricName(name, Sha256.of(file)),
                imagesA.count(),
                imagesB.count(),
                resolution,
                resolution));
    screen.print(Double.toString(distance));
  }

  private PackedImages prepare(String source, Path directory) throws CommandFailure {
    DatasetManifest manifest =
        new DatasetPreparation(
                data.resolve("downloads"),
                uri -> {
                  throw new IOException("fid reads no s3: sources");
                },
                sentence -> {})
            .prepare(new DatasetSpec(source, "", resolution, maxImages), directory)
            .manifest();
    if (manifest.skipped() > 0) {
      command
          .commandLine()
          .getErr()
          .printf(
              "Skipped %d images of '%s' that cannot be read: %s%n",
              manifest.skipped(), source, String.join(", ", manifest.skippedNames()));
      command.commandLine().getErr().flush();
    }
    if (manifest.images() < MIN_IMAGES) {
      throw new CommandFailure(
          "'%s' gives %d image(s): expected %d or more."
              .formatted(source, manifest.images(), MIN_IMAGES));
    }
    List<Path> shards =
        manifest.shards().stream().map(shard -> directory.resolve(shard.name())).toList();
    return PackedImages.open(manifest, shards);
  }

  private static FeatureStatistics statistics(
      PackedImages images, FeatureExtractor network, LinearAlgebra algebra) {
    return DatasetFeatures.measure(images, BATCH_SIZE, network, algebra, done -> {});
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
}
