package dev.atelier.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a process and its children have used so far, from {@code /proc}.
 *
 * @param cpuSeconds of all threads, also of children that have ended
 * @param residentBytes in RAM; a page that several share counts in parts
 */
record ProcessUse(double cpuSeconds, long residentBytes) {

  private static final double TICKS_PER_SECOND = 100; // USER_HZ, of all Linux kernels

  /** Of a process and all below it. */
  static ProcessUse of(long pid) throws IOException {
    return sum(
        pid,
        Stream.concat(
                Stream.of(pid),
                ProcessHandle.of(pid).orElseThrow().descendants().map(ProcessHandle::pid))
            .toList());
  }

  /** Of this process, without those that it has started. */
  static ProcessUse own() throws IOException {
    long pid = ProcessHandle.current().pid();
    return sum(pid, List.of(pid));
  }

  private static ProcessUse sum(long pid, List<Long> all) throws IOException {
    double seconds = 0;
    long bytes = 0;
    for (long each : all) {
      Path proc = Path.of("/proc", Long.toString(each));
      try {
        seconds +=
            cpuSeconds(Files.readString(proc.resolve("stat")), each == pid && all.size() > 1);
        bytes += bytes(Files.readAllLines(proc.resolve("smaps_rollup")));
      } catch (IOException e) {
        if (each == pid) {
          throw e;
        } // a child that has just ended; its parent counts it
      }
    }
    return new ProcessUse(seconds, bytes);
  }

  /** Of the line in {@code stat}: fields 14 to 17, the name in field 2 may have spaces. */
  private static double cpuSeconds(String stat, boolean withEnded) {
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    long ticks = Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
    if (withEnded) {
      ticks += Long.parseLong(fields[13]) + Long.parseLong(fields[14]);
    }
    return ticks / TICKS_PER_SECOND;
  }

  private static long bytes(List<String> rollup) {
    return rollup.stream()
        .filter(line -> line.startsWith("Pss:"))
        .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
        .sum();
  }
}
