package dev.atelier.local;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A small shell process that ends the children when the supervisor is gone, even by SIGKILL: it
 * reads a pipe that only the supervisor holds open, and acts when that closes.
 */
final class Reaper implements AutoCloseable {

  private static final String SCRIPT =
      """
      cat >/dev/null
      running() {
        [ -r "/proc/$1/stat" ] || return 1
        read -r line <"/proc/$1/stat" || return 1
        wanted=$2
        set -- ${line##*) }
        [ "$1" != Z ] && [ "${20}" = "$wanted" ]
      }
      signal_all() {
        left=0
        for file in "$run"/*.pid; do
          [ -e "$file" ] || continue
          read -r pid start signal <"$file"
          running "$pid" "$start" || continue
          left=1
          [ "$1" = - ] || kill "-${1:-$signal}" "$pid"
        done
      }
      run=$1
      signal_all ''
      waited=0
      while signal_all -; [ "$left" = 1 ] && [ "$waited" -lt 100 ]; do
        sleep 0.2
        waited=$((waited + 1))
      done
      signal_all KILL
      """;

  private final Process process;

  private Reaper(Process process) {
    this.process = process;
  }

  /** Watches over the processes named by the pid files in {@code runDirectory}. */
  static Reaper start(Path runDirectory, Path logFile) throws IOException {
    return new Reaper(
        new ProcessBuilder("setsid", "sh", "-c", SCRIPT, "atelier-reaper", runDirectory.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile.toFile()))
            .start());
  }

  /** Lets it end; the pid files must be gone, or what they name ends too. */
  @Override
  public void close() {
    try {
      process.getOutputStream().close();
      if (!process.waitFor(5, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      process.destroyForcibly();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
