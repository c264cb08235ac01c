package dev.atelier.opening;

import dev.atelier.opening.OpenerProcess.Answer;
import dev.atelier.untrusted.OneLine;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The opener as a program that workers reach over a private network: a container of its own, which
 * has no credentials and needs no network but the workers'. It is sent the file, opens it as {@link
 * OpenerProcess} does, and says what came of it.
 */
public final class OpenerServer {

  private static final Logger LOG = LoggerFactory.getLogger(OpenerServer.class);
  private static final int AT_ONCE = 2;
  private static final int MAX_REQUEST_BYTES = 1 << 20;
  private static final int MAX_FILES = 1000;
  private static final int SILENCE_MS = 60_000; // of a worker that sends

  /**
   * What a worker asks; the bytes of the files follow it.
   *
   * @param opening whose file or folder has its name in the folder that the files are put into
   */
  record Request(
      Opening opening, long timeoutSeconds, long memoryBytes, long heapBytes, List<Part> files) {}

  /**
   * A file.
   *
   * @param name below the folder, with {@code /}
   */
  record Part(String name, long bytes) {}

  private OpenerServer() {}

  /** The arguments are the address and the port to listen on. */
  public static void main(String[] args) throws IOException {
    ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
    try (ServerSocket server = new ServerSocket()) {
      server.bind(new InetSocketAddress(args[0], Integer.parseInt(args[1])));
      LOG.info("Opens files of users' on {}:{}.", args[0], server.getLocalPort());
      while (true) {
        Socket worker = server.accept();
        threads.execute(() -> serve(worker));
      }
    }
  }

  private static void serve(Socket worker) {
    try (worker) {
      worker.setSoTimeout(SILENCE_MS);
      Path folder = Files.createTempDirectory("opening-");
      try {
        DataInputStream in = new DataInputStream(new BufferedInputStream(worker.getInputStream()));
        Request request = request(in);
        for (Part part : request.files()) {
          receive(in, folder, part);
        }
        byte[] answer = OpenerProcess.JSON.writeValueAsBytes(answer(request, folder));
        DataOutputStream out = new DataOutputStream(worker.getOutputStream());
        out.writeInt(answer.length);
        out.write(answer);
        out.flush();
      } finally {
        delete(folder);
      }
    } catch (EOFException e) {
      LOG.debug("Somebody only looked whether it is there."); // a probe
    } catch (IOException e) {
      LOG.warn("A file was not opened: {}", e.getMessage());
    }
  }

  private static Request request(DataInputStream in) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > MAX_REQUEST_BYTES) {
      throw new IOException("a request of %d bytes".formatted(length));
    }
    Request request = OpenerProcess.JSON.readValue(in.readNBytes(length), Request.class);
    if (request.files().size() > MAX_FILES) {
      throw new IOException("a request of %d files".formatted(request.files().size()));
    }
    return request;
  }

  private static void receive(InputStream in, Path folder, Part part) throws IOException {
    Path file = folder.resolve(part.name()).normalize();
    if (!file.startsWith(folder) || file.equals(folder)) {
      throw new IOException("a file '%s' outside of its folder".formatted(part.name()));
    }
    Files.createDirectories(file.getParent());
    try (OutputStream out = Files.newOutputStream(file)) {
      byte[] chunk = new byte[1 << 16];
      for (long left = part.bytes(); left > 0; ) {
        int read = in.read(chunk, 0, (int) Math.min(left, chunk.length));
        if (read < 0) {
          throw new IOException("'%s' ends early".formatted(part.name()));
        }
        out.write(chunk, 0, read);
        left -= read;
      }
    }
  }

  private static Answer answer(Request request, Path folder) {
    Opening opening = request.opening();
    try {
      new OpenerProcess(
              Duration.ofSeconds(request.timeoutSeconds()),
              request.memoryBytes(),
              request.heapBytes())
          .open(opening.at(folder.resolve(opening.path().getFileName())), folder, () -> {});
      return new Answer(Optional.empty(), Optional.empty());
    } catch (IOException e) {
      return new Answer(Optional.empty(), Optional.of(OneLine.of(e.toString(), 500)));
    } catch (RuntimeException e) {
      return new Answer(Optional.of(String.valueOf(e.getMessage())), Optional.empty());
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
