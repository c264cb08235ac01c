package dev.atelier.opening;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.untrusted.OneLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens files in a process of their own: {@link OpenerMain} with limits of time, heap, address
 * space and file size, without the worker's environment, where the system lets it without a
 * network, and the first that the kernel ends when memory is short.
 *
 * @param timeout for one file
 * @param memoryBytes of address space
 * @param heapBytes of the Java heap
 */
public record OpenerProcess(Duration timeout, long memoryBytes, long heapBytes) implements Opener {

  static final String REQUEST = "request.json";
  static final String ANSWER = "answer.json";
  static final ObjectMapper JSON = JsonMapper.builder().addModule(new Jdk8Module()).build();

  private static final Logger LOG = LoggerFactory.getLogger(OpenerProcess.class);
  private static final String OUTPUT = "output";
  private static final long FILE_BYTES = 1L << 30; // of each file that it writes
  private static final int HEAP_FULL = 3; // -XX:+ExitOnOutOfMemoryError
  private static final int OF_SIGNAL = 128;
  private static final int LOOK_EVERY_MS = 100;
  // What libtorch needs to be found and to compute on one thread; nothing of the settings.
  private static final List<String> KEPT =
      List.of("PATH", "LD_LIBRARY_PATH", "PYTORCH_LIBRARY_PATH", "PYTORCH_FLAVOR", "DJL_CACHE_DIR");

  /**
   * What came of it.
   *
   * @param refusal the sentence why the file cannot be used; empty: it can be
   * @param fault what went wrong that is not the file's fault
   */
  record Answer(Optional<String> refusal, Optional<String> fault) {}

  @Override
  public void open(Opening opening, Path work, Runnable stop) throws IOException {
    Path own = Files.createTempDirectory(work, "opener-");
    JSON.writerFor(Opening.class).writeValue(own.resolve(REQUEST).toFile(), opening);
    ProcessBuilder builder =
        new ProcessBuilder(command(own))
            .directory(own.toFile())
            .redirectErrorStream(true)
            .redirectOutput(own.resolve(OUTPUT).toFile());
    builder.environment().keySet().retainAll(KEPT);
    builder.environment().put("OMP_NUM_THREADS", "1");
    Process process = builder.start();
    try {
      process.getOutputStream().close();
      long end = System.nanoTime() + timeout.toNanos();
      while (!process.waitFor(LOOK_EVERY_MS, TimeUnit.MILLISECONDS)) {
        stop.run();
        if (System.nanoTime() > end) {
          throw opening.failure(
              "it took more than %d s to open and to try it".formatted(timeout.toSeconds()));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("Opening '%s' was interrupted.".formatted(opening.name()), e);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    Path answer = own.resolve(ANSWER);
    if (process.exitValue() != 0 || !Files.exists(answer)) {
      LOG.warn(
          "The process that opened '{}' ended with code {}: {}",
          opening.name(),
          process.exitValue(),
          lastWords(own));
      throw opening.failure(death(process.exitValue()));
    }
    Answer said = JSON.readValue(answer.toFile(), Answer.class);
    if (said.fault().isPresent()) {
      throw new IOException(
          "'%s' was not opened: %s".formatted(opening.name(), said.fault().get()));
    }
    if (said.refusal().isPresent()) {
      throw opening.refusal(said.refusal().get());
    }
  }

  private String death(int code) {
    if (code == HEAP_FULL) {
      return "opening it takes more than %d MB of heap".formatted(heapBytes >> 20);
    }
    if (code > OF_SIGNAL) {
      return "it crashed the process that opened it (signal %d)".formatted(code - OF_SIGNAL);
    }
    return "the process that opened it ended with code %d".formatted(code);
  }

  private static String lastWords(Path own) {
    try {
      List<String> lines = Files.readAllLines(own.resolve(OUTPUT));
      return OneLine.of(
          String.join(" | ", lines.subList(Math.max(0, lines.size() - 5), lines.size())), 500);
    } catch (IOException e) { // it may have written anything
      return "";
    }
  }

  private List<String> command(Path own) {
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            "/bin/sh",
            "-c",
            """
            echo 1000 > /proc/self/oom_score_adj 2>/dev/null
            ulimit -c 0; ulimit -f %d; ulimit -v %d; ulimit -t %d
            if unshare -rn true 2>/dev/null; then exec unshare -rn "$@"; else exec "$@"; fi
            """
                .formatted(FILE_BYTES / 512, memoryBytes >> 10, 2 * timeout.toSeconds()),
            "opener",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx" + heapBytes,
            "-XX:+UseSerialGC",
            "-XX:+ExitOnOutOfMemoryError",
            // Address space that is only reserved counts, too.
            "-XX:CompressedClassSpaceSize=64m",
            "-XX:ReservedCodeCacheSize=64m",
            "-XX:TieredStopAtLevel=1",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + own.resolve("crash"),
            "-Djava.io.tmpdir=" + own,
            "-Dai.djl.offline=true",
            "-cp",
            System.getProperty("java.class.path"),
            OpenerMain.class.getName(),
            own.toString()));
    return command;
  }
}
