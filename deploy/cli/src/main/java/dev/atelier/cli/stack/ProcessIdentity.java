package dev.atelier.cli.stack;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A process as the kernel tells it apart: its number, and when it started, so that another process
 * that got the same number later is never taken for it.
 *
 * @param startTicks clock ticks from boot to its start, field 22 of {@code /proc/<pid>/stat}
 */
public record ProcessIdentity(long pid, long startTicks) {

  private static final int STATE = 0; // indices after the command name, which may hold spaces
  private static final int START_TICKS = 19;

  /** Looks a running process up; empty when it has ended. */
  public static Optional<ProcessIdentity> of(long pid) {
    String stat;
    try {
      stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
    } catch (IOException e) {
      return Optional.empty();
    }
    List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).trim().split(" ", -1));
    boolean ended = fields.get(STATE).equals("Z") || fields.get(STATE).equals("X");
    return ended
        ? Optional.empty()
        : Optional.of(new ProcessIdentity(pid, Long.parseLong(fields.get(START_TICKS))));
  }

  /** Whether this very process still runs. */
  public boolean alive() {
    return of(pid).filter(this::equals).isPresent();
  }

  /** Sends a signal if this very process still runs. */
  public void signal(StopSignal signal) throws IOException, InterruptedException {
    if (alive()) {
      new ProcessBuilder("sh", "-c", "kill -%s %d".formatted(signal, pid))
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start()
          .waitFor();
    }
  }
}
