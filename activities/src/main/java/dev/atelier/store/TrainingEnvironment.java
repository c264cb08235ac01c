package dev.atelier.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * What the bits of a training depend on beside its spec and the code: a resumed training equals an
 * uninterrupted one only where this is equal.
 *
 * @param device {@code cpu}, {@code cuda:0}, …
 * @param threads of one operation of libtorch
 * @param processor model of the CPU: libtorch chooses its kernels by it
 */
public record TrainingEnvironment(String device, int threads, String processor) {

  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

  /** This machine. */
  public static TrainingEnvironment here(String device, int threads) {
    return new TrainingEnvironment(device, threads, processorOfThisMachine());
  }

  private static String processorOfThisMachine() {
    try (Stream<String> lines = Files.lines(CPU_INFO)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElseGet(() -> System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch"); // not Linux
    }
  }

  @Override
  public String toString() {
    return "%s (%s) with %d thread(s)".formatted(device, processor, threads);
  }
}
