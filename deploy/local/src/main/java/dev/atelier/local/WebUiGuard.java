package dev.atelier.local;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;

/**
 * Stands before Temporal's Web UI, which answers under every name: whoever makes a name of its own
 * lead to this machine would have it. The UI itself listens on a loopback address at random, which
 * no page can guess.
 */
final class WebUiGuard implements AutoCloseable {

  private static final Pattern OWN_HOST =
      Pattern.compile("(localhost|127(\\.[0-9]{1,3}){3}|\\[::1\\])(:[0-9]{1,5})?");
  // Between two servers only, or set by the client that hands the request on.
  private static final Set<String> NOT_HANDED_ON =
      Set.of(
          "connection",
          "content-length",
          "expect",
          "host",
          "keep-alive",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade");

  private static final String CODEC = "/codec";

  private final HttpServer server;
  private final ExecutorService threads = Executors.newCachedThreadPool(WebUiGuard::thread);
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final URI target;
  private final Optional<URI> api;

  private WebUiGuard(HttpServer server, URI target, Optional<URI> api) {
    this.server = server;
    this.target = target;
    this.api = api;
  }

  /**
   * Serves the Web UI on a port of loopback.
   *
   * @param target where it is itself, {@code http://host:port}
   * @param api that decrypts for its pages, whose user the dashboard's cookie names; empty: none
   */
  static WebUiGuard start(int port, URI target, Optional<URI> api) throws IOException {
    WebUiGuard guard = new WebUiGuard(HttpServer.create(Ports.loopback(port), 0), target, api);
    guard.server.setExecutor(guard.threads);
    guard.server.createContext("/", guard::answer);
    guard.server.start();
    return guard;
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "temporal-ui");
    thread.setDaemon(true);
    return thread;
  }

  /** An address of 127.0.0.0/8, one of 16 million. */
  static String randomAddress() {
    SecureRandom random = new SecureRandom();
    return "127.%d.%d.%d"
        .formatted(1 + random.nextInt(254), random.nextInt(256), 1 + random.nextInt(254));
  }

  int port() {
    return server.getAddress().getPort();
  }

  /** What pages of the Web UI that is served there ask to decrypt. */
  static URI codecOf(String webUi) {
    return URI.create(webUi + CODEC);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      Optional<String> refusal = refusal(exchange);
      if (refusal.isPresent()) {
        byte[] text = refusal.get().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(403, text.length);
        exchange.getResponseBody().write(text);
        return;
      }
      handOn(exchange);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A sentence, where a page of another site, or under another name, asks. */
  private static Optional<String> refusal(HttpExchange exchange) {
    Headers headers = exchange.getRequestHeaders();
    String host = Optional.ofNullable(headers.getFirst("Host")).orElse("");
    if (!OWN_HOST.matcher(host.toLowerCase(Locale.ROOT)).matches()) {
      return Optional.of("This server does not go by the name '%s'.".formatted(host));
    }
    String site = Optional.ofNullable(headers.getFirst("Sec-Fetch-Site")).orElse("none");
    // The dashboard, on another port, has links to it.
    boolean opened =
        exchange.getRequestMethod().equals("GET")
            && "navigate".equals(headers.getFirst("Sec-Fetch-Mode"))
            && "document".equals(headers.getFirst("Sec-Fetch-Dest"));
    String origin = Optional.ofNullable(headers.getFirst("Origin")).orElse("http://" + host);
    boolean own = site.equals("same-origin") || site.equals("none") || opened;
    return own && origin.equalsIgnoreCase("http://" + host)
        ? Optional.empty()
        : Optional.of("A page of another site, or of another port, asks in the name of the user.");
  }

  /** The address of the API that what is asked stands for; empty: it is the Web UI's own. */
  private Optional<URI> codec(URI asked) {
    return api.filter(found -> asked.getPath().startsWith(CODEC + "/"))
        .map(found -> found.resolve("/api/v1" + asked.getPath()));
  }

  private void handOn(HttpExchange exchange) throws IOException, InterruptedException {
    Optional<URI> codec = codec(exchange.getRequestURI());
    HttpRequest.Builder request =
        HttpRequest.newBuilder(
                codec.orElseGet(() -> target.resolve(exchange.getRequestURI().toString())))
            .method(
                exchange.getRequestMethod(),
                BodyPublishers.ofByteArray(exchange.getRequestBody().readAllBytes()));
    exchange
        .getRequestHeaders()
        .forEach(
            (name, values) -> {
              boolean ofThePage = codec.isPresent() && name.equalsIgnoreCase("Origin"); // checked
              if (!ofThePage && !NOT_HANDED_ON.contains(name.toLowerCase(Locale.ROOT))) {
                values.forEach(value -> request.header(name, value));
              }
            });
    HttpResponse<InputStream> answer = http.send(request.build(), BodyHandlers.ofInputStream());
    answer
        .headers()
        .map()
        .forEach(
            (name, values) -> {
              if (!NOT_HANDED_ON.contains(name.toLowerCase(Locale.ROOT))) {
                exchange.getResponseHeaders().put(name, List.copyOf(values));
              }
            });
    try (InputStream body = answer.body()) {
      boolean empty =
          answer.statusCode() == 204
              || answer.statusCode() == 304
              || exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(answer.statusCode(), empty ? -1 : 0);
      if (!empty) {
        body.transferTo(exchange.getResponseBody());
      }
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
