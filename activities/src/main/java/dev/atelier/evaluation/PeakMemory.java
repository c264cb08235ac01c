package dev.atelier.evaluation;

import com.sun.jna.Library;
import com.sun.jna.Native;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** The largest resident set of this process since a moment. Linux; see proc(5). */
public final class PeakMemory {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR_REFS = Path.of("/proc/self/clear_refs");
  private static final String RESET_PEAK = "5";

  private interface LibC extends Library {
    int malloc_trim(long pad);
  }

  private PeakMemory() {}

  /**
   * Begins a measurement: memory that earlier work freed but the allocators kept is given back, so
   * that it doesn't count.
   */
  public static void reset() {
    System.gc();
    try {
      int unused = Native.load("c", LibC.class).malloc_trim(0);
      Files.writeString(CLEAR_REFS, RESET_PEAK);
    } catch (IOException | UnsatisfiedLinkError e) {
      // No such files or function on this system: bytes() is then empty or counts from the start.
      return;
    }
  }

  /** The peak in bytes, or nothing where the system doesn't tell. */
  public static OptionalLong bytes() {
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
