package dev.atelier.evaluation;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.SamplingSpace.PartsFolder;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * The memory that sampling from an ensemble takes: measured in a process of its own, which loads
 * the models, samples one batch and does nothing else, so that no earlier work counts.
 */
public final class SamplingMemory {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());
  private static final List<String> INHERITED_OPTIONS =
      List.of("-Xm", "-XX:", "--enable-native-access", "-Dai.djl.");
  private static final int POLL_MILLIS = 100;

  /**
   * What to sample.
   *
   * @param parts by which models see and read
   * @param threads of one operation of libtorch
   * @param memoryBytes what a batch may need; empty: not bounded
   */
  public record Request(
      List<OwnedModel> models,
      DiffusionSpec diffusion,
      SamplerSpec sampler,
      int batchSize,
      int channels,
      int resolution,
      int classes,
      Optional<PartsFolder> parts,
      String device,
      int threads,
      OptionalLong memoryBytes) {}

  /**
   * What it took.
   *
   * @param weightsBytes of all models as libtorch holds them
   * @param peakBytes largest resident set of the process, the JVM's and libtorch's own part
   *     included; 0: the system doesn't tell
   */
  public record Measured(long weightsBytes, long peakBytes) {}

  private SamplingMemory() {}

  /**
   * Measures; the process has the JVM options and the environment of this one.
   *
   * @param work directory for its files
   * @param stopRequested asked again and again; true ends the process
   * @throws IOException if the process fails or was stopped; the message is a sentence
   */
  public static Measured measure(Request request, Path work, BooleanSupplier stopRequested)
      throws IOException {
    Path question = Files.createTempFile(work, "memory-", ".json");
    Path answer = Files.createTempFile(work, "memory-", ".json");
    Path log = Files.createTempFile(work, "memory-", ".log");
    JSON.writeValue(question.toFile(), request);
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> INHERITED_OPTIONS.stream().anyMatch(option::startsWith))
        .forEach(command::add);
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            SamplingMemory.class.getName(),
            question.toString(),
            answer.toString()));
    // Its standard input stays open as long as this process lives; see main.
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        if (stopRequested.getAsBoolean()) {
          throw new IOException("The memory of sampling was not measured: it was stopped.");
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("The memory of sampling was not measured: it was interrupted.", e);
    } finally {
      process.destroyForcibly();
    }
    if (process.exitValue() != 0) {
      throw new IOException(
          "The memory of sampling was not measured: its process ended with status %d: %s"
              .formatted(process.exitValue(), reason(Files.readAllLines(log))));
    }
    return JSON.readValue(answer.toFile(), Measured.class);
  }

  /** The first exception of a log, else its last line. */
  private static String reason(List<String> log) {
    return log.stream()
        .filter(line -> line.startsWith("Exception in thread"))
        .findFirst()
        .orElseGet(() -> log.isEmpty() ? "it wrote nothing." : log.get(log.size() - 1));
  }

  /** The process: reads a {@link Request} from one file, writes a {@link Measured} to another. */
  public static void main(String[] files) throws IOException {
    Thread orphan = new Thread(SamplingMemory::endWithTheParent, "parent");
    orphan.setDaemon(true);
    orphan.start();
    Request request = JSON.readValue(Path.of(files[0]).toFile(), Request.class);
    Libtorch.useThreads(request.threads());
    try (SamplingSpace space =
            SamplingSpace.of(
                request.channels(),
                request.resolution(),
                ClassSequence.balanced(request.classes()),
                request.parts(),
                image -> "",
                request.device(),
                Path.of(files[1]).getParent());
        EnsembleSampler sampler =
            new EnsembleSampler(
                request.models(),
                request.diffusion(),
                request.sampler(),
                0,
                space.sampled(),
                request.device(),
                request.memoryBytes())) {
      sampler.sample(
          0,
          sampler.batchSize(request.batchSize()),
          request.batchSize(),
          (first, n, chw) -> {},
          () -> false);
      JSON.writeValue(
          Path.of(files[1]).toFile(),
          new Measured(sampler.weightBytes(), PeakMemory.bytes().orElse(0)));
    }
    // Not by returning: libtorch's threads may keep the JVM alive.
    System.exit(0);
  }

  /** A worker that is killed takes this process with it: the pipe from it then ends. */
  private static void endWithTheParent() {
    try {
      while (System.in.read() >= 0) {
        Thread.onSpinWait();
      }
    } catch (IOException e) {
      // As if it had ended.
      Runtime.getRuntime().halt(1);
    }
    Runtime.getRuntime().halt(1);
  }
}
