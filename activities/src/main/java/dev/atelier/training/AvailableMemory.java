package dev.atelier.training;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Memory that this process can still take: what the machine has available, or less where a control
 * group or the process's own bound limits it. Linux; see proc(5) and cgroups(7).
 */
public final class AvailableMemory {

  private AvailableMemory() {}

  /**
   * Bytes that a batch of samples may take on {@code device}: as set, or half of what is available
   * on a CPU, since the feature extractor and other processes need some too; empty: any number.
   */
  public static OptionalLong forSampling(OptionalLong set, String device) {
    if (set.isPresent() || !device.equals("cpu")) {
      return set;
    }
    OptionalLong available = bytes();
    return available.isPresent() ? OptionalLong.of(available.getAsLong() / 2) : available;
  }

  /** The bytes, or nothing where the system doesn't tell. */
  public static OptionalLong bytes() {
    return bytes(Path.of("/proc"), Path.of("/sys/fs/cgroup"));
  }

  static OptionalLong bytes(Path proc, Path cgroups) {
    LongStream machine =
        number(proc.resolve("meminfo"), "MemAvailable:").stream().map(kib -> kib * 1024);
    return Stream.of(
            machine,
            limits(proc.resolve("self/cgroup"), cgroups),
            belowOwnBound(proc.resolve("self")).stream())
        .flatMapToLong(bytes -> bytes)
        .min();
  }

  /** Bytes of its own that this process has a claim to and does not use. */
  public static OptionalLong reservedBytes() {
    return reservedBytes(Path.of("/proc/self"));
  }

  private static OptionalLong reservedBytes(Path process) {
    Path status = process.resolve("status");
    OptionalLong claimed = number(status, "VmData:");
    return claimed.isEmpty()
        ? claimed
        : OptionalLong.of(
            1024 * Math.max(0, claimed.getAsLong() - number(status, "RssAnon:").orElse(0)));
  }

  /** What is left of {@code RLIMIT_DATA}, which counts what is claimed. */
  private static OptionalLong belowOwnBound(Path process) {
    OptionalLong bound = number(process.resolve("limits"), "Max data size");
    if (bound.isEmpty()) {
      return bound; // "unlimited"
    }
    long claimed = 1024 * number(process.resolve("status"), "VmData:").orElse(0);
    return OptionalLong.of(Math.max(0, bound.getAsLong() - claimed));
  }

  private static LongStream limits(Path membership, Path cgroups) {
    return lines(membership).stream()
        .map(line -> line.split(":", 3)) // hierarchy id, controllers, path
        .filter(parts -> parts.length == 3)
        .flatMapToLong(
            parts -> {
              boolean version1 = Arrays.asList(parts[1].split(",", -1)).contains("memory");
              Path root = version1 ? cgroups.resolve("memory") : cgroups;
              return version1 || parts[1].isEmpty()
                  ? ancestors(root, root.resolve(parts[2].substring(1)))
                      .flatMapToLong(group -> free(group, version1).stream())
                  : LongStream.empty();
            });
  }

  // In a container the path may be the host's, and the group itself lies at the root.
  private static Stream<Path> ancestors(Path root, Path group) {
    return Stream.iterate(
        group.normalize(), g -> g != null && g.startsWith(root), g -> g.getParent());
  }

  /** Limit less use of one group; cached files that nobody uses don't count. */
  private static OptionalLong free(Path group, boolean version1) {
    String limit = version1 ? "memory.limit_in_bytes" : "memory.max";
    String used = version1 ? "memory.usage_in_bytes" : "memory.current";
    String cached = version1 ? "total_inactive_file " : "inactive_file ";
    OptionalLong bytes = number(group.resolve(limit), ""); // "max": no limit
    if (bytes.isEmpty()) {
      return bytes;
    }
    long use = number(group.resolve(used), "").orElse(0);
    long cache = number(group.resolve("memory.stat"), cached).orElse(0);
    return OptionalLong.of(Math.max(0, bytes.getAsLong() - Math.max(0, use - cache)));
  }

  /** The number after {@code key} in the line that begins with it. */
  private static OptionalLong number(Path file, String key) {
    return lines(file).stream()
        .filter(line -> line.startsWith(key))
        .map(line -> line.substring(key.length()).strip().split(" ", 2)[0])
        .filter(text -> text.matches("\\d{1,18}"))
        .mapToLong(Long::parseLong)
        .findFirst();
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of(); // another system, or no such group
    }
  }
}
