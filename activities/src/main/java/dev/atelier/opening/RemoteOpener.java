package dev.atelier.opening;

import dev.atelier.opening.OpenerProcess.Answer;
import dev.atelier.opening.OpenerServer.Part;
import dev.atelier.opening.OpenerServer.Request;
import dev.atelier.store.StoreUnavailableException;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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

  /** The server was there and went away before it answered. */
  private static final class Broken extends Exception {
    Broken(IOException cause) {
      super(cause);
    }
  }

  @Override
  public void open(Opening opening, Path work, Runnable stop) throws IOException {
    for (int breaks = 1; ; breaks++) {
      try {
        answered(opening, ask(opening, stop));
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
    if (answer.refusal().isPresent()) {
      throw opening.refusal(answer.refusal().get());
    }
  }

  private Answer ask(Opening opening, Runnable stop) throws IOException, Broken {
    try (Socket server = new Socket()) {
      try {
        server.connect(new InetSocketAddress(host, port), CONNECT_MS);
      } catch (IOException e) {
        throw new StoreUnavailableException(
            "The opener at %s:%d does not answer: %s".formatted(host, port, e.getMessage()), e);
      }
      try {
        send(opening, server);
        return answer(server, stop);
      } catch (IOException e) {
        throw new Broken(e);
      }
    }
  }

  private void send(Opening opening, Socket server) throws IOException {
    Path path = opening.path();
    Path root = path.toAbsolutePath().getParent();
    List<Path> files;
    try (Stream<Path> found = Files.walk(path.toAbsolutePath())) {
      files = found.filter(Files::isRegularFile).toList();
    }
    List<Part> parts = new ArrayList<>();
    for (Path file : files) {
      parts.add(new Part(root.relativize(file).toString(), Files.size(file)));
    }
    byte[] request =
        OpenerProcess.JSON.writeValueAsBytes(
            new Request(
                opening.at(path.getFileName()),
                limits.timeout().toSeconds(),
                limits.memoryBytes(),
                limits.heapBytes(),
                parts));
    DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(server.getOutputStream(), 1 << 16));
    out.writeInt(request.length);
    out.write(request);
    for (Path file : files) {
      Files.copy(file, out);
    }
    out.flush();
  }

  private Answer answer(Socket server, Runnable stop) throws IOException {
    server.setSoTimeout(LOOK_EVERY_MS);
    DataInputStream in = new DataInputStream(server.getInputStream());
    Duration patience = limits.timeout().plusMinutes(1); // others may be before it
    long end = System.nanoTime() + patience.toNanos();
    while (true) {
      stop.run();
      try {
        int first = in.read();
        if (first < 0) {
          throw new IOException("no answer");
        }
        int length = first << 24 | in.readUnsignedByte() << 16 | in.readUnsignedShort();
        return OpenerProcess.JSON.readValue(in.readNBytes(length), Answer.class);
      } catch (SocketTimeoutException e) {
        if (System.nanoTime() > end) {
          throw new IOException("no answer within " + patience, e);
        }
      }
    }
  }
}
