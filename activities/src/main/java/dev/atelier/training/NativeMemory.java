package dev.atelier.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/** The memory of this process outside of the Java heap: libtorch's tensors, mostly. */
final class NativeMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private NativeMemory() {}

  /**
   * Bytes in RAM (VmRSS) less the committed Java heap; at least 0, because the heap's committed
   * pages need not all be in RAM. Absent where there is no /proc.
   */
  static OptionalLong bytes() {
    try {
      return bytes(Files.readAllLines(STATUS), Runtime.getRuntime().totalMemory());
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  static OptionalLong bytes(List<String> status, long heapBytes) {
    return status.stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
        .map(rss -> Math.max(0, rss - heapBytes))
        .findFirst();
  }
}
