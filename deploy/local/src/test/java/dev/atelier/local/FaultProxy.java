package dev.atelier.local;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A loopback TCP proxy before an HTTP/1.1 server, which misbehaves on demand: {@link #become}
 * changes how, at once and for connections that are open too.
 */
final class FaultProxy implements AutoCloseable {

  /** What happens to traffic. */
  enum Mode {
    PASS,
    AWAY, // connections are closed without a byte of answer
    LATE, // each write of HTTP is held up, see holdUp
    SLOW, // an eighth of a second for each 64 KiB, either way
    UNAVAILABLE, // every other request is answered 503, the next one passes
    FULL // writes are answered 507, reads pass
  }

  private static final int CHUNK = 64 * 1024;
  private static final Set<String> METHODS = Set.of("GET ", "PUT ", "POST", "HEAD", "DELE");

  private final ServerSocket listener;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger refused = new AtomicInteger();
  private final AtomicInteger requests = new AtomicInteger();
  private final Queue<String> asked = new ConcurrentLinkedQueue<>();
  private volatile Mode mode = Mode.PASS;
  private volatile URI target;
  private volatile Duration late = Duration.ZERO;

  FaultProxy(URI target) throws IOException {
    this.target = target;
    listener = new ServerSocket();
    listener.bind(Ports.loopback(0));
    background("accept", this::accept);
  }

  URI endpoint() {
    return URI.create("http://" + Ports.HOST + ":" + listener.getLocalPort());
  }

  /** Another server from now on, as when the one before was started again elsewhere. */
  void target(URI newTarget) {
    target = newTarget;
  }

  /** How long {@link Mode#LATE} holds up a write. */
  void holdUp(Duration each) {
    late = each;
  }

  /** Changes the behaviour; open connections are cut, so that none escapes it. */
  void become(Mode newMode) {
    mode = newMode;
    open.forEach(FaultProxy::cut);
  }

  /** How many connections or requests were denied so far. */
  int refused() {
    return refused.get();
  }

  /** Method and path of each request that has come. */
  List<String> asked() {
    return List.copyOf(asked);
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        open.add(client);
        background("client", () -> serve(client));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      if (mode == Mode.AWAY) {
        refused.incrementAndGet();
        return;
      }
      try (Socket server = new Socket(target.getHost(), target.getPort())) {
        open.add(server);
        Thread answers = background("server", () -> answer(server, client));
        request(client, server);
        server.shutdownOutput();
        answers.join();
        open.remove(server);
      }
    } catch (IOException e) {
      // one of the two sides has ended, or was cut
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(client);
    }
  }

  /** Passes requests on until one is denied, which ends the connection. */
  private void request(Socket client, Socket server) throws IOException {
    InputStream in = client.getInputStream();
    OutputStream out = server.getOutputStream();
    byte[] chunk = new byte[CHUNK];
    for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
      // A client without pipelining starts a request with a write of its own.
      String start = new String(chunk, 0, Math.min(n, 4), StandardCharsets.US_ASCII);
      boolean begins = METHODS.contains(start);
      if (begins) {
        asked.add(new String(chunk, 0, n, StandardCharsets.US_ASCII).split(" HTTP/", 2)[0]);
      }
      if (begins && denies(start)) {
        refused.incrementAndGet();
        deny(client);
        return;
      }
      pause(begins && start.equals("PUT "));
      out.write(chunk, 0, n);
      out.flush();
    }
  }

  private boolean denies(String method) {
    return switch (mode) {
      case PASS, AWAY, LATE, SLOW -> false;
      case UNAVAILABLE -> requests.getAndIncrement() % 2 == 0;
      case FULL -> method.equals("PUT ") || method.equals("POST");
    };
  }

  private void deny(Socket client) throws IOException {
    boolean full = mode == Mode.FULL;
    String body =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s</Code><Message>%s</Message></Error>"
            .formatted(
                full ? "XMinioStorageFull" : "SlowDown",
                full
                    ? "Storage backend has reached its minimum free drive threshold."
                    : "Please reduce your request rate.");
    String head =
        "HTTP/1.1 %s\r\nContent-Type: application/xml\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            .formatted(
                full ? "507 Insufficient Storage" : "503 Service Unavailable", body.length());
    client.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
    client.shutdownOutput();
    // Reads the rest of the request, so that its sender sees the answer and not a reset.
    client.setSoTimeout(1000);
    client.getInputStream().transferTo(OutputStream.nullOutputStream());
  }

  private void answer(Socket server, Socket client) {
    byte[] chunk = new byte[CHUNK];
    try {
      InputStream in = server.getInputStream();
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        pause(false);
        client.getOutputStream().write(chunk, 0, n);
      }
    } catch (IOException e) {
      // one of the two sides has ended, or was cut
    } finally {
      cut(server);
      cut(client);
    }
  }

  private void pause(boolean writes) throws IOException {
    long pause = mode == Mode.SLOW ? 125 : mode == Mode.LATE && writes ? late.toMillis() : 0; // ms
    if (pause > 0) {
      try {
        Thread.sleep(pause);
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
  }

  private static void cut(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Thread background(String name, Runnable work) {
    Thread thread = new Thread(work, "fault-proxy-" + name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  @Override
  public void close() throws IOException {
    listener.close();
    open.forEach(FaultProxy::cut);
  }
}
