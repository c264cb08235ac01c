package dev.atelier.local;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A loopback port before a server: nothing listens on it until it is opened, nor once closed. */
final class Door implements AutoCloseable {

  private final int port;
  private final int target;
  private final Set<Socket> connections = ConcurrentHashMap.newKeySet();
  private Optional<ServerSocket> listener = Optional.empty();

  Door(int target) throws IOException {
    this.port = Ports.anyFree();
    this.target = target;
  }

  int port() {
    return port;
  }

  void open() throws IOException {
    ServerSocket socket = new ServerSocket();
    socket.setReuseAddress(true);
    socket.bind(Ports.loopback(port));
    listener = Optional.of(socket);
    start(() -> accept(socket));
  }

  private void accept(ServerSocket from) throws IOException {
    while (true) {
      Socket client = from.accept();
      Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
      connections.add(client);
      connections.add(server);
      start(() -> copy(client, server));
      start(() -> copy(server, client));
    }
  }

  private static void copy(Socket from, Socket to) throws IOException {
    try (from;
        to;
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      in.transferTo(out);
    }
  }

  @FunctionalInterface
  private interface Work {
    void run() throws IOException;
  }

  private static void start(Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException e) {
                // One side has gone, or the door was closed: so has the connection.
              }
            },
            "door");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() {
    listener.ifPresent(Door::cut);
    connections.forEach(Door::cut);
  }

  private static void cut(AutoCloseable socket) {
    try {
      socket.close();
    } catch (Exception e) { // AutoCloseable declares no narrower type
      throw new UncheckedIOException(new IOException(e));
    }
  }
}
