package dev.atelier.opening;

import dev.atelier.dataset.PreparationListener;
import dev.atelier.opening.OpenerProcess.Answer;
import dev.atelier.opening.Wire.Request;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.untrusted.OneLine;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Opens files in an {@link OpenerServer}, a container or pod of its own.
 *
 * @param host of the server
 * @param port of the server
 * @param limits of the process that the server opens a file in
 */
public record RemoteOpener(String host, int port, OpenerProcess limits) implements Opener {

  private static final int CONNECT_MS = 5000;
  private static final int LOOK_EVERY_MS = 200;
  private static final int MOST_BREAKS = 3; // after which it is the file, and not the server
  private static final Pattern PLAIN_NAME = Pattern.compile("[a-z0-9-]+(\\.[a-z0-9]+)?");
  private static final int MEGABYTE = 1_000_000;

  /** The server was there and went away before it answered. */
  private static final class Broken extends Exception {
    Broken(IOException cause) {
      super(cause);
    }
  }

  @Override
  public void open(Opening opening, Path work, PreparationListener listener) throws IOException {
    var unused = limits.weightsOf(opening); // before they are sent
    for (int breaks = 1; ; breaks++) {
      try {
        answered(opening, ask(opening, work.resolve(Opening.MADE), listener));
        return;
      } catch (Broken e) {
        if (breaks == MOST_BREAKS) {
          throw opening.failure("it ended the opener %d times in a row".formatted(breaks));
        }
      }
    }
  }

  private static void answered(Opening opening, Answer answer) throws IOException {
    if (answer.fault().isPresent()) {
      throw new IOException(answer.fault().get());
    }
    answer.requireOpened(opening);
  }

  private Answer ask(Opening opening, Path made, PreparationListener listener)
      throws IOException, Broken {
    try (Socket server = new Socket()) {
      try {
        server.connect(new InetSocketAddress(host, port), CONNECT_MS);
      } catch (IOException e) {
        throw new StoreUnavailableException(
            "The opener at %s:%d does not answer: %s".formatted(host, port, e.getMessage()), e);
      }
      return new Talk(opening, made, listener, server).answer();
    }
  }

  /** One connection. */
  private final class Talk {

    private final Opening opening;
    private final Path made;
    private final PreparationListener listener;
    private final Socket server;
    private String progress = "asking the opener";
    private long received;

    Talk(Opening opening, Path made, PreparationListener listener, Socket server) {
      this.opening = opening;
      this.made = made;
      this.listener = listener;
      this.server = server;
    }

    Answer answer() throws Broken {
      try {
        empty(made);
        DataInputStream in = new DataInputStream(server.getInputStream());
        DataOutputStream out =
            new DataOutputStream(new BufferedOutputStream(server.getOutputStream(), 1 << 16));
        Path name = opening.path().toAbsolutePath().getFileName();
        Wire.writeJson(
            out,
            new Request(
                opening.at(name),
                limits.timeout().toSeconds(),
                limits.memoryBytes(),
                limits.heapBytes(),
                limits.datasetHeapBytes(),
                limits.weightsBytes()));
        out.flush();
        while (true) {
          switch (Wire.message(first(in))) {
            case PROGRESS -> progress = OneLine.of(in.readUTF(), Wire.SENTENCE);
            case SEND -> send(out);
            case FILE -> receive(in);
            case ANSWER -> {
              return Wire.readJson(in, Answer.class);
            }
          }
        }
      } catch (IOException e) {
        throw new Broken(e);
      }
    }

    /** The next byte; meanwhile the listener is asked again and again. */
    private int first(DataInputStream in) throws IOException {
      long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(Wire.SILENCE_MS);
      while (true) {
        listener.onProgress(progress);
        try {
          server.setSoTimeout(LOOK_EVERY_MS);
          int first = in.read();
          server.setSoTimeout(Wire.SILENCE_MS);
          return first;
        } catch (SocketTimeoutException e) {
          if (System.nanoTime() > end) {
            throw new IOException("silence", e);
          }
        }
      }
    }

    private void send(DataOutputStream out) throws IOException {
      long[] sent = {0};
      opening.forEachFile(
          (name, bytes, content) -> {
            out.writeBoolean(true);
            Wire.writeFile(out, name, bytes, content);
            sent[0] += bytes;
            listener.onProgress("sent %d MB to the opener".formatted(sent[0] / MEGABYTE));
          });
      out.writeBoolean(false);
      out.flush();
    }

    private void receive(DataInputStream in) throws IOException {
      String name = in.readUTF();
      long bytes = in.readLong();
      received += bytes;
      if (!PLAIN_NAME.matcher(name).matches()
          || bytes < 0
          || received > 2 * opening.madeBytes()) { // labels and manifest are less than images
        throw new IOException("more than was asked for");
      }
      Wire.readFile(in, made.resolve(name), bytes, () -> listener.onProgress(progress));
    }
  }

  private static void empty(Path made) throws IOException {
    if (Files.isDirectory(made)) {
      try (Stream<Path> files = Files.list(made)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
