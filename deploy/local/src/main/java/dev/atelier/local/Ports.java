package dev.atelier.local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** The loopback ports of a stack. */
public record Ports(int api, int postgres, int s3, int temporal, int temporalUi) {

  /** Where the servers listen unless told otherwise. */
  public static final Ports DEFAULTS = new Ports(8080, 5442, 9010, 7233, 8233);

  /** Any free port for each server. */
  public static final Ports ANY = new Ports(0, 0, 0, 0, 0);

  static final String HOST = "127.0.0.1"; // the only address that anything listens on

  // Linux gives outgoing connections ports from here on: one of them would be taken by somebody's
  // connection before its server is up.
  private static final int EPHEMERAL = 32768;
  private static final int LEAST_ANY = 20_000;
  private static final int ATTEMPTS = 100;

  private record Wish(int port, String purpose, String option) {}

  /**
   * Replaces each 0 by a free port.
   *
   * @throws StackException naming every port that is in use, what it is for, and the option that
   *     changes it
   */
  Ports reserve() throws StackException {
    List<Wish> wishes =
        List.of(
            new Wish(api, "the REST API", "--api-port"),
            new Wish(postgres, "Postgres", "--postgres-port"),
            new Wish(s3, "S3", "--s3-port"),
            new Wish(temporal, "Temporal", "--temporal-port"),
            new Wish(temporalUi, "the Temporal Web UI", "--temporal-ui-port"));
    List<ServerSocket> held = new ArrayList<>(); // all at once: no port is given out twice
    List<String> faults = new ArrayList<>();
    List<Integer> ports = new ArrayList<>();
    try {
      for (Wish wish : wishes) {
        try {
          ServerSocket socket = bind(wish.port);
          held.add(socket);
          ports.add(socket.getLocalPort());
        } catch (IOException | IllegalArgumentException e) {
          faults.add(
              "Port %d for %s is not free (%s): choose another with %s (0: any free one)."
                  .formatted(wish.port, wish.purpose, e.getMessage(), wish.option));
        }
      }
    } finally {
      held.forEach(Ports::release);
    }
    if (!faults.isEmpty()) {
      throw new StackException(String.join(System.lineSeparator(), faults));
    }
    return new Ports(ports.get(0), ports.get(1), ports.get(2), ports.get(3), ports.get(4));
  }

  /** Finds one free loopback port. */
  static int anyFree() throws IOException {
    try (ServerSocket socket = bind(0)) {
      return socket.getLocalPort();
    }
  }

  static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  /** Binds the port, or any free one where it is 0. */
  private static ServerSocket bind(int port) throws IOException {
    for (int attempt = 0; port == 0 && attempt < ATTEMPTS; attempt++) {
      try {
        return bindExactly(ThreadLocalRandom.current().nextInt(LEAST_ANY, EPHEMERAL));
      } catch (BindException e) {
        // taken: the next one
      }
    }
    return bindExactly(port);
  }

  private static ServerSocket bindExactly(int port) throws IOException {
    ServerSocket socket = new ServerSocket();
    try {
      socket.setReuseAddress(true); // connections of an earlier run may linger in TIME_WAIT
      socket.bind(loopback(port));
      return socket;
    } catch (IOException | IllegalArgumentException e) {
      socket.close();
      throw e;
    }
  }

  private static void release(ServerSocket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
