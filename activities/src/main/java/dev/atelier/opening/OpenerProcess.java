package dev.atelier.opening;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.untrusted.OneLine;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
 * network, the first that the kernel ends when memory is short, and ended with the worker. Time,
 * address space and file size grow with the bytes of a teacher's weights.
 *
 * @param timeout for one file; for a dataset without coming further
 * @param memoryBytes of address space, for what libtorch opens
 * @param heapBytes of the Java heap
 * @param datasetHeapBytes of the Java heap that decodes a dataset
 * @param weightsBytes of a teacher's files of weights, at most
 */
public record OpenerProcess(
    Duration timeout, long memoryBytes, long heapBytes, long datasetHeapBytes, long weightsBytes)
    implements Opener {

  /** What a worker's setting is unless it says otherwise: SD 1.5's U-Net has 3.4 GB. */
  static final long WEIGHTS_BYTES = 8_000_000_000L;

  static final String REQUEST = "request.json";
  static final String ANSWER = "answer.json";
  static final String WHEREABOUTS = "whereabouts";
  static final ObjectMapper JSON = JsonMapper.builder().addModule(new Jdk8Module()).build();

  private static final Logger LOG = LoggerFactory.getLogger(OpenerProcess.class);
  private static final String OUTPUT = "output";
  private static final String CRASH = "crash"; // what Java writes of its own
  private static final long FILE_BYTES = 1L << 30; // of each file that it writes
  private static final int WIDENED = 2; // bytes for a byte of half precision
  private static final long WEIGHTS_BYTES_PER_SECOND = 10_000_000; // on a machine that is busy
  private static final long BESIDES_HEAP_BYTES = 2L << 30; // of address space, Java's own
  private static final int MOST_ANSWER_BYTES = 1 << 20; // whatever it has written
  private static final int LAST_WORDS_BYTES = 4096;
  private static final long MEGABYTE = 1_000_000;
  static final int HEAP_FULL = 3; // -XX:+ExitOnOutOfMemoryError
  private static final int OF_SIGNAL = 128;
  private static final Duration START = Duration.ofMinutes(5); // on a machine that is busy
  private static final int LOOK_EVERY_MS = 100;
  // What libtorch needs to be found and to compute on one thread, and how names of files are
  // spelled; nothing of the settings.
  private static final List<String> KEPT =
      List.of(
          "PATH",
          "LD_LIBRARY_PATH",
          "PYTORCH_LIBRARY_PATH",
          "PYTORCH_FLAVOR",
          "DJL_CACHE_DIR",
          "LANG",
          "LC_ALL",
          "LC_CTYPE");

  /** A dataset is decoded with as much heap as this process has. */
  public OpenerProcess(Duration timeout, long memoryBytes, long heapBytes) {
    this(timeout, memoryBytes, heapBytes, Runtime.getRuntime().maxMemory(), WEIGHTS_BYTES);
  }

  /**
   * What one process may take.
   *
   * @param time for a file, or for a dataset that comes no further
   * @param memoryBytes of address space
   * @param fileBytes of each file that it writes
   */
  record Limits(Duration time, long memoryBytes, long heapBytes, long fileBytes) {}

  /**
   * The limits for one opening: weights are mapped, and those of half precision once more, from a
   * file of float32; a TorchScript file is copied.
   */
  Limits limits(Opening opening) throws IOException {
    if (isDataset(opening)) {
      return new Limits(
          timeout,
          datasetHeapBytes + BESIDES_HEAP_BYTES + opening.mappedBytes(),
          datasetHeapBytes,
          Math.max(FILE_BYTES, opening.madeBytes()));
    }
    long weights = weightsOf(opening);
    return new Limits(
        timeout.plusSeconds(weights / WEIGHTS_BYTES_PER_SECOND),
        memoryBytes + (1 + WIDENED) * weights,
        heapBytes,
        FILE_BYTES + WIDENED * weights);
  }

  /**
   * What came of it.
   *
   * @param refusal the sentence why the file cannot be used; empty: it can be
   * @param fault what went wrong that is not the file's fault
   * @param memory the sentence in what memory ran out
   */
  @JsonInclude(JsonInclude.Include.NON_ABSENT)
  record Answer(Optional<String> refusal, Optional<String> fault, Optional<String> memory) {

    static final Answer OPENED = new Answer(Optional.empty(), Optional.empty(), Optional.empty());

    Answer {
      refusal = refusal == null ? Optional.empty() : refusal;
      fault = fault == null ? Optional.empty() : fault;
      memory = memory == null ? Optional.empty() : memory;
    }

    static Answer refusal(String sentence) {
      return new Answer(Optional.of(sentence), Optional.empty(), Optional.empty());
    }

    static Answer fault(String fault) {
      return new Answer(Optional.empty(), Optional.of(fault), Optional.empty());
    }

    static Answer memory(String sentence) {
      return new Answer(Optional.empty(), Optional.empty(), Optional.of(sentence));
    }

    /**
     * Throws what whoever asked for {@code opening} is to hear, if it was not opened for a reason
     * of its own.
     */
    void requireOpened(Opening opening) {
      if (memory.isPresent()) {
        throw MemoryRanOutException.told(memory.get());
      }
      if (refusal.isPresent()) {
        throw opening.refusal(refusal.get());
      }
    }
  }

  /** Bytes of its weights, which are not too many. */
  long weightsOf(Opening opening) throws IOException {
    long weights = opening.weightsBytes();
    if (weights > weightsBytes) {
      throw opening.failure(
          "its weights have %d MB, expected at most %d MB (atelier.opener.weights-bytes)"
              .formatted(weights / MEGABYTE, weightsBytes / MEGABYTE));
    }
    return weights;
  }

  @Override
  public void open(Opening opening, Path work, PreparationListener listener) throws IOException {
    Limits limits = limits(opening);
    Path own = Files.createTempDirectory(work, "opener-");
    JSON.writerFor(Opening.class).writeValue(own.resolve(REQUEST).toFile(), opening);
    try (FileChannel whereabouts =
        FileChannel.open(
            own.resolve(WHEREABOUTS),
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      int code = run(opening, limits, own, whereabouts, listener);
      if (code != 0 || !isFile(own.resolve(ANSWER))) {
        LOG.warn(
            "The process that opened '{}' ended with code {}: {}",
            opening.name(),
            code,
            lastWords(own));
        throw opening.failure(
            death(limits, code, own) + Whereabouts.Moment.of(whereabouts).names());
      }
    }
    Answer said;
    try (InputStream in = Files.newInputStream(own.resolve(ANSWER))) {
      said = JSON.readValue(in.readNBytes(MOST_ANSWER_BYTES), Answer.class);
    }
    if (said.fault().isPresent()) {
      throw new IOException(
          "'%s' was not opened: %s".formatted(opening.name(), said.fault().get()));
    }
    said.requireOpened(opening);
    Path made = own.resolve(Opening.MADE);
    if (Files.exists(made, LinkOption.NOFOLLOW_LINKS)) {
      Files.move(made, work.resolve(Opening.MADE));
    }
  }

  /** Runs the process to its end and returns its code. */
  private static int run(
      Opening opening,
      Limits limits,
      Path own,
      FileChannel whereabouts,
      PreparationListener listener)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command(opening, limits, own))
            .directory(own.toFile())
            .redirectErrorStream(true)
            .redirectOutput(own.resolve(OUTPUT).toFile());
    builder.environment().keySet().retainAll(KEPT);
    builder.environment().put("OMP_NUM_THREADS", "1");
    builder.environment().put("MALLOC_ARENA_MAX", "2"); // each thread's is 64 MB of address space
    Process process = builder.start();
    try {
      Whereabouts.Moment last = Whereabouts.Moment.of(whereabouts);
      long since = System.nanoTime();
      while (!process.waitFor(LOOK_EVERY_MS, TimeUnit.MILLISECONDS)) {
        Whereabouts.Moment moment = Whereabouts.Moment.of(whereabouts);
        listener.onProgress(moment.progress().orElse("opening"));
        if (isDataset(opening) && !moment.equals(last)) {
          since = System.nanoTime(); // a large one may take as long as it comes further
        }
        last = moment;
        Duration patience = isDataset(opening) && moment.isEmpty() ? START : limits.time();
        if (System.nanoTime() - since > patience.toNanos()) {
          throw opening.failure(tooLong(opening, limits) + moment.names());
        }
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("Opening '%s' was interrupted.".formatted(opening.name()), e);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
      process.getOutputStream().close();
    }
  }

  private static boolean isDataset(Opening opening) {
    return opening instanceof Opening.Dataset;
  }

  private static String tooLong(Opening opening, Limits limits) {
    return (isDataset(opening)
            ? "the process that opened it came no further for %d s"
            : "it took more than %d s to open and to try it")
        .formatted(limits.time().toSeconds());
  }

  private static String death(Limits limits, int code, Path own) {
    if (code == HEAP_FULL) {
      return "opening it takes more than %d MB of heap".formatted(limits.heapBytes() >> 20);
    }
    if (code > OF_SIGNAL) {
      return "it crashed the process that opened it (signal %d)".formatted(code - OF_SIGNAL);
    }
    if (isFile(own.resolve(CRASH))) {
      return "it crashed the process that opened it";
    }
    return "the process that opened it ended with code %d".formatted(code);
  }

  private static boolean isFile(Path path) {
    return Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS);
  }

  private static String lastWords(Path own) {
    if (!isFile(own.resolve(OUTPUT))) {
      return "";
    }
    try (InputStream in = Files.newInputStream(own.resolve(OUTPUT))) {
      in.skipNBytes(Math.max(0, Files.size(own.resolve(OUTPUT)) - LAST_WORDS_BYTES));
      List<String> lines = new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
      return OneLine.of(
          String.join(" | ", lines.subList(Math.max(0, lines.size() - 5), lines.size())), 500);
    } catch (IOException e) {
      return "";
    }
  }

  private static List<String> command(Opening opening, Limits limits, Path own) {
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            "/bin/sh",
            "-c",
            """
            echo 1000 > /proc/self/oom_score_adj 2>/dev/null
            ulimit -c 0; ulimit -f %d; ulimit -v %d%s
            if unshare -rn true 2>/dev/null; then exec unshare -rn "$@"; else exec "$@"; fi
            """
                .formatted(
                    limits.fileBytes() / 512,
                    limits.memoryBytes() >> 10,
                    isDataset(opening) ? "" : "; ulimit -t " + 2 * limits.time().toSeconds()),
            "opener",
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx" + limits.heapBytes(),
            "-XX:+ExitOnOutOfMemoryError",
            // Address space that is only reserved counts, too.
            "-XX:CompressedClassSpaceSize=64m",
            "-XX:ReservedCodeCacheSize=64m",
            "-XX:-CreateCoredumpOnCrash",
            "-XX:ErrorFile=" + own.resolve(CRASH),
            "-Djava.io.tmpdir=" + own));
    // Images are decoded on all cores by code that runs for long.
    command.addAll(
        isDataset(opening)
            ? List.of(
                "-XX:+UseParallelGC",
                // LMDB's values are buffers of its map.
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED")
            : List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dai.djl.offline=true"));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            OpenerMain.class.getName(),
            own.toString()));
    return command;
  }
}
