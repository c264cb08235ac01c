package dev.atelier.cli;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An HTTP server that gives prepared answers and keeps what it was asked. */
final class StubApi implements AutoCloseable {

  /** A request as it came. */
  record Asked(String method, String uri, Optional<String> idempotencyKey, String body) {}

  private record Answer(int status, String body) {}

  private final HttpServer server;
  private final Map<String, Deque<Answer>> answers = new HashMap<>();
  private final List<Asked> asked = new ArrayList<>();
  private final List<Optional<String>> authorizations = new ArrayList<>();

  StubApi() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          asked.add(
              new Asked(
                  exchange.getRequestMethod(),
                  exchange.getRequestURI().toString(),
                  Optional.ofNullable(exchange.getRequestHeaders().getFirst("Idempotency-Key")),
                  body));
          authorizations.add(
              Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization")));
          Answer answer =
              next(exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath());
          byte[] bytes = answer.body.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(answer.status, bytes.length == 0 ? -1 : bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    server.start();
  }

  private Answer next(String request) {
    Deque<Answer> prepared = answers.getOrDefault(request, new ArrayDeque<>());
    if (prepared.isEmpty()) {
      return new Answer(404, "");
    }
    return prepared.size() > 1 ? prepared.removeFirst() : prepared.getFirst();
  }

  /** Answers {@code GET /path} and the like; several answers come one after the other. */
  StubApi answer(String request, int status, String body) {
    answers.computeIfAbsent(request, unknown -> new ArrayDeque<>()).add(new Answer(status, body));
    return this;
  }

  List<Asked> asked() {
    return List.copyOf(asked);
  }

  /** What each request said of who asks. */
  List<Optional<String>> authorizations() {
    return List.copyOf(authorizations);
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
