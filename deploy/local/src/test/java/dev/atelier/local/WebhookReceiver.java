package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A user's server that webhooks post to; it refuses the first message, which must come again. */
final class WebhookReceiver implements AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(1); // ends a hung test, no more

  private record Message(String id, String timestamp, String signature, String body) {}

  private final HttpServer server;
  private final List<Message> messages = new CopyOnWriteArrayList<>();

  WebhookReceiver() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/hook", this::receive);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:%d/hook".formatted(server.getAddress().getPort());
  }

  private void receive(HttpExchange exchange) throws IOException {
    try (exchange) {
      var headers = exchange.getRequestHeaders();
      messages.add(
          new Message(
              headers.getFirst("webhook-id"),
              headers.getFirst("webhook-timestamp"),
              headers.getFirst("webhook-signature"),
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
      exchange.sendResponseHeaders(messages.size() == 1 ? 503 : 204, -1);
    }
  }

  /** Waits until all of {@code expected} have come, and checks that each is signed. */
  void await(String secret, Set<String> expected) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!told().containsAll(expected) || !firstCameAgain()) {
      assertThat(System.nanoTime())
          .as("of %s came %s", expected, told())
          .isLessThanOrEqualTo(deadline);
      Thread.sleep(200);
    }
    for (Message message : messages) {
      assertThat(message.signature()).isEqualTo(signature(secret, message));
      assertThat(message.signature())
          .isNotEqualTo(signature("whsec_" + "A".repeat(32), message)); // of another secret
    }
  }

  private boolean firstCameAgain() {
    return messages.stream().filter(m -> m.id().equals(messages.get(0).id())).count() == 2;
  }

  private Set<String> told() throws IOException {
    Set<String> told = new HashSet<>();
    for (Message message : messages) {
      JsonNode content = JSON.readTree(message.body());
      JsonNode data = content.get("data");
      told.add(
          content.get("type").asText()
              + " "
              + data.path(data.has("model") ? "model" : "stage").asText());
    }
    return told;
  }

  /** As Standard Webhooks has it. */
  private static String signature(String secret, Message message) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(
        new SecretKeySpec(
            Base64.getDecoder().decode(secret.substring("whsec_".length())), "HmacSHA256"));
    String signed = "%s.%s.%s".formatted(message.id(), message.timestamp(), message.body());
    return "v1,"
        + Base64.getEncoder().encodeToString(mac.doFinal(signed.getBytes(StandardCharsets.UTF_8)));
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
