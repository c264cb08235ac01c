package dev.atelier.intake;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.atelier.store.objects.Sha256;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

/**
 * A Hub on loopback with one model, as huggingface.co answers: files of LFS are redirected to
 * another host, here another server.
 */
final class StandInHub implements AutoCloseable {

  static final String ID = "tester/tiny";
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  static final String TOKEN = "Bearer hf_secret";

  private static final ObjectMapper JSON = new ObjectMapper();

  final Map<String, byte[]> files = new TreeMap<>();

  /** Each request: server, path and Authorization header. */
  final List<String> asked = new CopyOnWriteArrayList<>();

  /** What {@code README.md} says beside; absent: no card. */
  Optional<String> license = Optional.empty();

  String commit = COMMIT; // that it says it has
  String commitOfFiles = COMMIT;
  boolean gated;
  boolean listsDigests = true;
  Optional<String> otherDigest = Optional.empty(); // in place of that of LFS files

  private final HttpServer hub = server();
  private final HttpServer lfs = server();

  StandInHub() throws IOException {
    hub.createContext("/", exchange -> answer(exchange, "hub", this::answerHub));
    lfs.createContext("/", exchange -> answer(exchange, "lfs", this::answerLfs));
    hub.start();
    lfs.start();
  }

  private static HttpServer server() throws IOException {
    return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
  }

  /** Has a folder's files, below {@code part} of the model. */
  StandInHub with(Path folder, String part) throws IOException {
    try (Stream<Path> found = Files.walk(folder)) {
      for (Path file : found.filter(Files::isRegularFile).toList()) {
        files.put(
            part + folder.relativize(file).toString().replace('\\', '/'), Files.readAllBytes(file));
      }
    }
    return this;
  }

  StandInHub with(String name, String content) {
    files.put(name, content.getBytes(StandardCharsets.UTF_8));
    return this;
  }

  @Override
  public void close() {
    hub.stop(0);
    lfs.stop(0);
  }

  private interface Answer {
    void to(HttpExchange exchange) throws IOException;
  }

  private void answer(HttpExchange exchange, String server, Answer answer) throws IOException {
    try (exchange) {
      asked.add(
          "%s %s %s"
              .formatted(
                  server,
                  exchange.getRequestURI().getPath(),
                  exchange.getRequestHeaders().getFirst("Authorization")));
      answer.to(exchange);
    }
  }

  private void answerHub(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    boolean knows = path.startsWith("/api/models/" + ID + "/") || path.startsWith("/" + ID + "/");
    if (!knows) { // what a stranger may not know is answered as what is not there
      refuse(exchange, 401, "RepoNotFound");
    } else if (path.startsWith("/api/")) {
      answerRevision(exchange, path.substring(path.lastIndexOf('/') + 1));
    } else if (gated && !TOKEN.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
      refuse(exchange, 403, "GatedRepo");
    } else {
      answerFile(exchange, path.substring(("/" + ID + "/resolve/").length()));
    }
  }

  private void answerRevision(HttpExchange exchange, String revision) throws IOException {
    if (!revision.equals(COMMIT)) {
      refuse(exchange, 404, "RevisionNotFound");
      return;
    }
    ObjectNode model = JSON.createObjectNode().put("id", ID).put("sha", commit);
    license.ifPresent(words -> model.putObject("cardData").put("license", words));
    files.forEach(
        (name, content) -> {
          ObjectNode file = model.withArray("siblings").addObject();
          file.put("rfilename", name).put("size", content.length);
          if (isLfs(name) && listsDigests) {
            file.putObject("lfs")
                .put("sha256", digest(content))
                .put("size", content.length)
                .put("pointerSize", 130);
          }
        });
    send(exchange, 200, model.toString().getBytes(StandardCharsets.UTF_8));
  }

  private void answerFile(HttpExchange exchange, String revisionAndName) throws IOException {
    String name = revisionAndName.substring(revisionAndName.indexOf('/') + 1);
    byte[] content = files.get(name);
    exchange.getResponseHeaders().set("X-Repo-Commit", commitOfFiles);
    if (content == null) {
      refuse(exchange, 404, "EntryNotFound");
    } else if (isLfs(name)) {
      exchange.getResponseHeaders().set("X-Linked-Etag", "\"" + digest(content) + "\"");
      exchange.getResponseHeaders().set("X-Linked-Size", String.valueOf(content.length));
      exchange
          .getResponseHeaders()
          .set("Location", "http://localhost:%d/%s".formatted(lfs.getAddress().getPort(), name));
      exchange.sendResponseHeaders(302, -1);
    } else {
      exchange.getResponseHeaders().set("ETag", "\"" + Sha256.of(content).substring(0, 40) + "\"");
      send(exchange, 200, content);
    }
  }

  private void answerLfs(HttpExchange exchange) throws IOException {
    byte[] content = files.get(exchange.getRequestURI().getPath().substring(1));
    exchange.getResponseHeaders().set("ETag", "\"" + Sha256.of(content) + "\"");
    send(exchange, 200, content);
  }

  private static boolean isLfs(String name) {
    return name.endsWith(".safetensors") || name.endsWith(".bin") || name.endsWith(".ckpt");
  }

  private String digest(byte[] content) {
    return otherDigest.orElseGet(() -> Sha256.of(content));
  }

  private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
    exchange.getResponseHeaders().set("X-Error-Code", code);
    send(exchange, status, ("{\"error\":\"" + code + "\"}").getBytes(StandardCharsets.UTF_8));
  }

  private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
    boolean head = exchange.getRequestMethod().equals("HEAD");
    exchange.getResponseHeaders().set("Content-Length", String.valueOf(body.length));
    exchange.sendResponseHeaders(status, head || body.length == 0 ? -1 : body.length);
    if (!head && body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }
}
