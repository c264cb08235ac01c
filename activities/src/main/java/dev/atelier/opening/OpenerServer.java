package dev.atelier.opening;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.opening.OpenerProcess.Answer;
import dev.atelier.opening.Wire.Message;
import dev.atelier.opening.Wire.Request;
import dev.atelier.untrusted.OneLine;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The opener as a program that workers reach over a private network: a container of its own, which
 * has no credentials and needs no network but the workers'. It is sent the file, opens it as {@link
 * OpenerProcess} does, and says what came of it; of a dataset it sends back what was made.
 */
public final class OpenerServer {

  private static final Logger LOG = LoggerFactory.getLogger(OpenerServer.class);
  private static final int AT_ONCE = 2; // of files, and of datasets, which take long
  private static final Semaphore FILES = new Semaphore(AT_ONCE, true);
  private static final Semaphore DATASETS = new Semaphore(AT_ONCE, true);
  private static final long SPEAK_EVERY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private OpenerServer() {}

  /** The arguments are the address and the port to listen on. */
  public static void main(String[] args) throws IOException {
    ExecutorService threads = Executors.newCachedThreadPool();
    try (ServerSocket server = new ServerSocket()) {
      server.bind(new InetSocketAddress(args[0], Integer.parseInt(args[1])));
      Path folder = emptyFolder(server.getLocalPort());
      LOG.info("Opens files of users' on {}:{}.", args[0], server.getLocalPort());
      while (true) {
        Socket worker = server.accept();
        threads.execute(() -> serve(worker, folder));
      }
    }
  }

  /** Its own, by its port; without what a server left there that was killed. */
  private static Path emptyFolder(int port) throws IOException {
    Path folder = Path.of(System.getProperty("java.io.tmpdir"), "opener-" + port);
    if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      delete(folder);
    }
    return Files.createDirectory(folder);
  }

  private static void serve(Socket worker, Path folder) {
    try (worker) {
      worker.setSoTimeout(Wire.SILENCE_MS);
      DataInputStream in =
          new DataInputStream(new BufferedInputStream(worker.getInputStream(), 1 << 16));
      DataOutputStream out =
          new DataOutputStream(new BufferedOutputStream(worker.getOutputStream(), 1 << 16));
      Request request;
      try {
        request = Wire.readJson(in, Request.class);
      } catch (JsonProcessingException e) { // of a worker of another version
        String fault = "the opener does not understand: " + e.getOriginalMessage();
        Wire.writeAnswer(out, Answer.fault(OneLine.of(fault, 500)));
        return;
      }
      Semaphore turn = request.opening() instanceof Opening.Dataset ? DATASETS : FILES;
      while (!turn.tryAcquire(SPEAK_EVERY_NANOS, TimeUnit.NANOSECONDS)) {
        Wire.writeProgress(out, "waiting for the opener, which is busy");
      }
      try {
        serve(request, Files.createTempDirectory(folder, "opening-"), in, out);
      } finally {
        turn.release();
      }
    } catch (EOFException e) {
      LOG.debug("Somebody only looked whether it is there."); // a probe
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("A file was not opened: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void serve(Request request, Path folder, DataInputStream in, DataOutputStream out)
      throws IOException {
    try {
      Path files = Files.createDirectory(folder.resolve("files"));
      out.writeByte(Message.SEND.code);
      out.flush();
      Optional<String> fault = receive(in, files);
      if (fault.isPresent()) {
        Wire.writeAnswer(out, Answer.fault(fault.get()));
        return;
      }
      Answer answer = answer(request, files, folder, out);
      Path made = folder.resolve(Opening.MADE);
      if (Files.isDirectory(made, LinkOption.NOFOLLOW_LINKS)) {
        send(made, out);
      }
      Wire.writeAnswer(out, answer);
    } finally {
      delete(folder);
    }
  }

  /** Receives all files, whether they can be kept or not; returns why they cannot. */
  private static Optional<String> receive(DataInputStream in, Path files) throws IOException {
    Optional<String> fault = Optional.empty();
    while (in.readBoolean()) {
      Path file = below(files, in.readUTF());
      long bytes = in.readLong();
      if (fault.isPresent()) {
        in.skipNBytes(bytes);
        continue;
      }
      try {
        Wire.readFile(in, file, bytes, () -> {});
      } catch (UncheckedIOException e) { // such as for a full disk
        fault = Optional.of(OneLine.of("the opener: " + e.getMessage(), 500));
      }
    }
    return fault;
  }

  private static Path below(Path folder, String name) throws IOException {
    Path file = folder.resolve(name).normalize();
    if (!file.startsWith(folder) || file.equals(folder)) {
      throw new IOException("a file '%s' outside of its folder".formatted(name));
    }
    return file;
  }

  private static Answer answer(Request request, Path files, Path folder, DataOutputStream out)
      throws IOException {
    OpenerProcess process =
        new OpenerProcess(
            Duration.ofSeconds(request.timeoutSeconds()),
            request.memoryBytes(),
            request.heapBytes(),
            request.datasetHeapBytes(),
            request.weightsBytes());
    Opening opening = request.opening();
    long[] said = {System.nanoTime()};
    try {
      process.open(
          opening.at(files.resolve(opening.path().getFileName())),
          folder,
          sentence -> {
            if (System.nanoTime() - said[0] >= SPEAK_EVERY_NANOS) {
              said[0] = System.nanoTime();
              speak(out, sentence); // and hear whether the worker is still there
            }
          });
      return Answer.OPENED;
    } catch (GoneException e) {
      throw new IOException("the worker has gone");
    } catch (IOException e) {
      return Answer.fault(OneLine.of(e.toString(), 500));
    } catch (MemoryRanOutException e) {
      return Answer.memory(e.getMessage());
    } catch (RuntimeException e) {
      return Answer.refusal(String.valueOf(e.getMessage()));
    }
  }

  /** Nobody waits for the answer any more. */
  private static final class GoneException extends RuntimeException {
    GoneException(IOException cause) {
      super(cause);
    }
  }

  private static void speak(DataOutputStream out, String sentence) {
    try {
      Wire.writeProgress(out, sentence);
    } catch (IOException e) {
      throw new GoneException(e);
    }
  }

  private static void send(Path made, DataOutputStream out) throws IOException {
    List<Path> files;
    try (Stream<Path> found = Files.list(made)) {
      files = found.filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS)).toList();
    }
    for (Path file : files) {
      out.writeByte(Message.FILE.code);
      try (InputStream in = Files.newInputStream(file)) {
        Wire.writeFile(out, file.getFileName().toString(), Files.size(file), in);
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
