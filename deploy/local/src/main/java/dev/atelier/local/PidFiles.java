package dev.atelier.local;

import dev.atelier.cli.stack.ProcessIdentity;
import dev.atelier.cli.stack.StopSignal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What a run leaves in its folder so that its processes can be found when the supervisor is gone:
 * one file per child, {@code <pid> <start ticks> <stop signal>}.
 */
final class PidFiles {

  private static final Duration GRACE = Duration.ofSeconds(20);

  private PidFiles() {}

  private record Entry(ProcessIdentity identity, StopSignal signal) {}

  static void write(Path file, ProcessIdentity identity, StopSignal signal) throws IOException {
    Files.writeString(file, "%d %d %s%n".formatted(identity.pid(), identity.startTicks(), signal));
  }

  /** Ends the processes that runs under {@code root} left behind, and removes their folders. */
  static void endStale(Path root, Consumer<String> notices)
      throws IOException, InterruptedException, StackException {
    List<Path> files;
    try (Stream<Path> tree = Files.walk(root, 2)) {
      files = tree.filter(path -> path.toString().endsWith(".pid")).toList();
    }
    List<Entry> alive = new ArrayList<>();
    for (Path file : files) {
      parse(file).stream().filter(entry -> entry.identity.alive()).forEach(alive::add);
    }
    if (!alive.isEmpty()) {
      notices.accept(
          "Ending %d process(es) that an earlier run left behind.".formatted(alive.size()));
      for (Entry entry : alive) {
        entry.identity.signal(entry.signal);
      }
      Instant deadline = Instant.now().plus(GRACE);
      while (alive.stream().anyMatch(entry -> entry.identity.alive())
          && Instant.now().isBefore(deadline)) {
        Thread.sleep(100);
      }
      for (Entry entry : alive) {
        entry.identity.signal(StopSignal.KILL);
      }
    }
    try (Stream<Path> runs = Files.list(root)) {
      for (Path run : runs.toList()) {
        Folders.delete(run);
      }
    }
  }

  private static List<Entry> parse(Path file) {
    try {
      String[] fields = Files.readString(file).trim().split(" ", -1);
      return List.of(
          new Entry(
              new ProcessIdentity(Long.parseLong(fields[0]), Long.parseLong(fields[1])),
              StopSignal.valueOf(fields[2])));
    } catch (IOException | RuntimeException e) {
      return List.of(); // cut off while it was written: its process is in no other file
    }
  }
}
