package dev.atelier.worker;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves {@code /metrics}, {@code /health/live} (200 while the process works, 503 once it stands
 * still; never because of another server) and {@code /health/ready} (200 while it takes on work,
 * else 503 and why not).
 */
final class StatusServer implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(StatusServer.class);

  private final HttpServer server;
  private final ExecutorService threads;

  /**
   * Serves from now until closed.
   *
   * @param port 0: any free one
   * @param notLive what in the process stands still; empty: nothing
   * @param notReady why the worker takes on no work; empty: it does
   * @throws UncheckedIOException if the port is taken
   */
  StatusServer(
      String host,
      int port,
      Supplier<String> metrics,
      Supplier<Optional<String>> notLive,
      Supplier<Optional<String>> notReady) {
    try {
      server = HttpServer.create(new InetSocketAddress(host, port), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "Cannot serve metrics and health on %s:%d (atelier.worker.http-port): %s"
              .formatted(host, port, e.getMessage()),
          e);
    }
    server.createContext(
        "/metrics",
        call -> answer(call, 200, "text/plain; version=0.0.4; charset=utf-8", metrics.get()));
    server.createContext(
        "/health/live",
        call -> {
          Optional<String> reason = notLive.get();
          answer(call, reason.isEmpty() ? 200 : 503, "text/plain", reason.orElse("live") + "\n");
        });
    server.createContext(
        "/health/ready",
        call -> {
          Optional<String> reason = notReady.get();
          answer(call, reason.isEmpty() ? 200 : 503, "text/plain", reason.orElse("ready") + "\n");
        });
    threads =
        Executors.newFixedThreadPool(
            2,
            task -> {
              Thread thread = new Thread(task, "status");
              thread.setDaemon(true);
              return thread;
            });
    server.setExecutor(threads);
    server.start();
    LOG.info("Metrics and health are on http://{}:{}.", host, port());
  }

  int port() {
    return server.getAddress().getPort();
  }

  private static void answer(HttpExchange call, int status, String type, String text)
      throws IOException {
    try (call) {
      byte[] body = text.getBytes(StandardCharsets.UTF_8);
      call.getResponseHeaders().set("Content-Type", type);
      call.sendResponseHeaders(status, body.length);
      call.getResponseBody().write(body);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
