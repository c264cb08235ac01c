package dev.atelier.local;

import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.dataset.PreparedCheck;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.files.TeacherImport;
import dev.atelier.opening.OpenerProcess;
import dev.atelier.opening.Opening;
import dev.atelier.opening.RemoteOpener;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.store.objects.StoreUnavailableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Has one file opened by an opener elsewhere, as a worker would, and prints what it is told: {@code
 * bench/opener/run} runs it in a worker's container. The arguments are host:port and the file.
 */
final class OpenerTrial {

  private static final long MEMORY_BYTES = 8_000_000_000L; // as workers have it by default
  private static final long HEAP_BYTES = 256L << 20;
  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final Duration IMPATIENCE = Duration.ofSeconds(30); // for what never ends
  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);
  private static final int RETRIES = 120; // of Temporal's, while the opener is away

  private OpenerTrial() {}

  private enum Trial {
    GOOD_EXTRACTOR,
    GOOD_DATASET,
    NESTED_TORCHSCRIPT,
    CHAINED_TORCHSCRIPT,
    ENDLESS_TORCHSCRIPT,
    GREEDY_TORCHSCRIPT,
    WRITING_TORCHSCRIPT,
    RAISING_TORCHSCRIPT,
    INFLATING_STATISTICS,
    HEADLESS_SAFETENSORS,
    CROWDED_ZIP;

    Opening make(Path folder) throws IOException {
      return switch (this) {
        case GOOD_EXTRACTOR -> extractor(PoisonFiles.goodTorchScript(folder));
        case GOOD_DATASET -> dataset(PoisonFiles.goodDataset(folder));
        case NESTED_TORCHSCRIPT -> extractor(PoisonFiles.nestedTorchScript(folder));
        case CHAINED_TORCHSCRIPT -> extractor(PoisonFiles.chainedTorchScript(folder));
        case ENDLESS_TORCHSCRIPT -> extractor(PoisonFiles.endlessTorchScript(folder));
        case GREEDY_TORCHSCRIPT -> extractor(PoisonFiles.greedyTorchScript(folder));
        case WRITING_TORCHSCRIPT ->
            extractor(PoisonFiles.writingTorchScript(folder, folder.resolve("written")));
        case RAISING_TORCHSCRIPT -> extractor(PoisonFiles.raisingTorchScript(folder));
        case INFLATING_STATISTICS ->
            new Opening.Statistics(PoisonFiles.inflatingStatistics(folder));
        case HEADLESS_SAFETENSORS -> teacher(PoisonFiles.headlessSafetensors(folder));
        case CROWDED_ZIP -> dataset(PoisonFiles.crowdedZip(folder));
      };
    }
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    String[] address = args[0].split(":", -1);
    Trial trial = Trial.valueOf(args[1]);
    Path folder = Files.createTempDirectory("trial-");
    Opening opening = trial.make(folder);
    RemoteOpener opener =
        new RemoteOpener(
            address[0],
            Integer.parseInt(address[1]),
            new OpenerProcess(
                trial == Trial.ENDLESS_TORCHSCRIPT ? IMPATIENCE : PATIENCE,
                MEMORY_BYTES,
                HEAP_BYTES,
                HEAP_BYTES,
                MEMORY_BYTES));
    PreparationListener listener =
        sentence -> {
          if (sentence.equals("opening")) {
            System.err.println(sentence);
          }
        };
    System.out.println(answer(opener, opening, folder, listener));
    System.exit(0);
  }

  private static String answer(
      RemoteOpener opener, Opening opening, Path folder, PreparationListener listener)
      throws IOException, InterruptedException {
    for (int retry = 0; ; retry++) {
      try {
        opener.open(opening, folder, listener);
        return "passed" + made(opening, folder);
      } catch (ExtractorException | EvaluationException | TeacherException | DatasetException e) {
        return e.getMessage();
      } catch (StoreUnavailableException e) {
        if (retry == RETRIES) {
          throw e;
        }
        Thread.sleep(RETRY_AFTER.toMillis());
      }
    }
  }

  private static String made(Opening opening, Path folder) throws IOException {
    return opening instanceof Opening.Dataset dataset
        ? ": %d images"
            .formatted(
                PreparedCheck.read(folder.resolve(Opening.MADE), dataset.spec(), sentence -> {})
                    .manifest()
                    .images())
        : "";
  }

  private static Opening extractor(Path file) {
    return new Opening.Extractor(
        file, file.getFileName().toString(), "0".repeat(64), Optional.empty(), 8);
  }

  private static Opening teacher(Path file) {
    return new Opening.Teacher(
        file,
        file.getFileName().toString(),
        new TeacherImport.Expected(
            TeacherSpec.DEFAULT_NETWORK, 8, 3, 0, new DiffusionSpec(null, null, null, null)));
  }

  private static Opening dataset(Path file) {
    return new Opening.Dataset(
        file,
        new DatasetSpec(file.getFileName().toString(), "", 8, null),
        SourcePolicy.OPEN,
        ArchiveLimits.DEFAULTS);
  }
}
