package dev.atelier.worker;

import com.sun.management.OperatingSystemMXBean;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.training.AvailableMemory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bounds the memory that a worker allocates on a CPU, so that work that wants more fails by the
 * rule of {@code OUT_OF_MEMORY} in its own place, and what else the machine does goes on. Linux;
 * see setrlimit(2) on {@code RLIMIT_DATA}, and {@code oom_score_adj} in proc(5).
 */
final class MemoryBound {

  private static final Logger LOG = LoggerFactory.getLogger(MemoryBound.class);
  private static final long LEAST_BYTES = 1_000_000_000; // Java's and libtorch's own, and a model
  private static final double SHARE = 0.9; // of a container or machine: its files need some
  private static final String FIRST_TO_GO = "500"; // of -1000 to 1000; an opener has 1000

  private MemoryBound() {}

  /**
   * Bytes of a worker on a CPU: as set, or its part of nine tenths of what the container has, or
   * the machine.
   *
   * @param deviceWorkers that share the device
   * @throws IllegalArgumentException if {@code deviceWorkers} is below 1, or the bytes below 10⁹
   */
  static long bytes(OptionalLong set, int deviceWorkers) {
    requireWorkers(deviceWorkers);
    if (set.isPresent() && set.getAsLong() < LEAST_BYTES) {
      throw new IllegalArgumentException(
          "atelier.worker.memory-bytes must be at least %d, found %d."
              .formatted(LEAST_BYTES, set.getAsLong()));
    }
    long all =
        (long)
            (SHARE
                * ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class)
                    .getTotalMemorySize());
    if (set.isEmpty() && deviceWorkers > 1 && all / deviceWorkers < LEAST_BYTES) {
      throw new IllegalArgumentException(
          "atelier.worker.device-workers is %d, which leaves each %d bytes of memory; expected at least %d."
              .formatted(deviceWorkers, all / deviceWorkers, LEAST_BYTES));
    }
    return set.orElse(all / deviceWorkers);
  }

  /**
   * Bytes of a worker's part of a GPU; empty on a CPU and where CUDA does not say.
   *
   * @throws IllegalArgumentException if {@code deviceWorkers} is below 1
   */
  static Optional<Long> ofGpu(String device, int deviceWorkers) {
    requireWorkers(deviceWorkers);
    return Libtorch.memory(device).map(memory -> memory.getMax() / deviceWorkers);
  }

  /**
   * Bytes that sampling may use: as set, or half of a worker's part of a GPU that it shares; empty:
   * as {@link AvailableMemory#forSampling} says.
   */
  static OptionalLong forSampling(OptionalLong set, int deviceWorkers, Optional<Long> ofGpu) {
    return set.isPresent() || deviceWorkers == 1 || ofGpu.isEmpty()
        ? set
        : OptionalLong.of(ofGpu.get() / 2);
  }

  private static void requireWorkers(int deviceWorkers) {
    if (deviceWorkers < 1) {
      throw new IllegalArgumentException(
          "atelier.worker.device-workers must be at least 1, found %d.".formatted(deviceWorkers));
    }
  }

  /** Sets the bound for this process and those that it starts; says so where it cannot. */
  static void set(long bytes) throws InterruptedException {
    OptionalLong reserved = AvailableMemory.reservedBytes();
    if (reserved.isEmpty()) {
      LOG.info("Memory has no bound: this system has no /proc.");
      return;
    }
    try {
      Process prlimit =
          new ProcessBuilder(
                  "prlimit",
                  "--pid=" + ProcessHandle.current().pid(),
                  "--data=%d:".formatted(bytes + reserved.getAsLong()))
              .redirectErrorStream(true)
              .start();
      String said =
          new String(prlimit.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (prlimit.waitFor() != 0) {
        LOG.warn("Memory has no bound, as prlimit said: {}", said);
      }
    } catch (IOException e) {
      LOG.warn("Memory has no bound: {}", e.getMessage());
    }
  }

  /** Has the kernel end this process before others when the machine has no memory left. */
  static void goFirst() {
    try {
      Files.writeString(Path.of("/proc/self/oom_score_adj"), FIRST_TO_GO);
    } catch (IOException e) {
      LOG.debug("The kernel chooses by itself what it ends when memory runs out: {}", e.toString());
    }
  }
}
