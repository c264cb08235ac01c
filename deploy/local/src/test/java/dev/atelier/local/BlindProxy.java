package dev.atelier.local;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.Executors;

/**
 * Hands requests to an API as if a program had made them: without what a browser says of the page
 * that asks, under the API's own name, and with the type that the body should have had. So a page
 * that attacks this port meets the API as it would be without its defence.
 */
final class BlindProxy implements AutoCloseable {

  private final HttpServer server;
  private final HttpClient http = HttpClient.newHttpClient();
  private final String api;

  private BlindProxy(HttpServer server, String api) {
    this.server = server;
    this.api = api;
  }

  static BlindProxy before(String api) throws IOException {
    BlindProxy proxy = new BlindProxy(HttpServer.create(Ports.loopback(0), 0), api);
    proxy.server.setExecutor(Executors.newCachedThreadPool());
    proxy.server.createContext("/", proxy::hand);
    proxy.server.start();
    return proxy;
  }

  String url() {
    return "http://%s:%d".formatted(Ports.HOST, server.getAddress().getPort());
  }

  private void hand(HttpExchange exchange) throws IOException {
    try {
      HttpResponse<byte[]> answer =
          http.send(
              HttpRequest.newBuilder(URI.create(api + exchange.getRequestURI()))
                  .header("Content-Type", "application/json")
                  .method(
                      exchange.getRequestMethod(),
                      BodyPublishers.ofByteArray(exchange.getRequestBody().readAllBytes()))
                  .build(),
              BodyHandlers.ofByteArray());
      answer
          .headers()
          .firstValue("Content-Type")
          .ifPresent(type -> exchange.getResponseHeaders().set("Content-Type", type));
      exchange.sendResponseHeaders(
          answer.statusCode(), answer.body().length == 0 ? -1 : answer.body().length);
      exchange.getResponseBody().write(answer.body());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      exchange.close();
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
