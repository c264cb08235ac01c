package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WebUiGuardTest {

  private HttpServer ui;
  private HttpServer api;
  private WebUiGuard guard;
  private final List<String> asked = Collections.synchronizedList(new ArrayList<>());

  @BeforeEach
  void start() throws IOException {
    ui = HttpServer.create(Ports.loopback(0), 0);
    ui.createContext(
        "/",
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          asked.add(
              "%s %s %s %s"
                  .formatted(
                      exchange.getRequestMethod(),
                      exchange.getRequestURI(),
                      exchange.getRequestHeaders().getFirst("Cookie"),
                      body));
          exchange.getResponseHeaders().add("Set-Cookie", "a=1");
          exchange.getResponseHeaders().add("Set-Cookie", "b=2");
          byte[] answer = "the page".getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(201, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    ui.start();
    api = HttpServer.create(Ports.loopback(0), 0);
    api.createContext(
        "/",
        exchange -> {
          asked.add(
              "api %s %s %s %s"
                  .formatted(
                      exchange.getRequestURI(),
                      exchange.getRequestHeaders().getFirst("Cookie"),
                      exchange.getRequestHeaders().getFirst("Sec-Fetch-Site"),
                      exchange.getRequestHeaders().getFirst("Origin")));
          exchange.sendResponseHeaders(200, -1);
          exchange.close();
        });
    api.start();
    guard =
        WebUiGuard.start(
            0,
            URI.create("http://%s:%d".formatted(Ports.HOST, ui.getAddress().getPort())),
            Optional.of(
                URI.create("http://%s:%d".formatted(Ports.HOST, api.getAddress().getPort()))));
  }

  @AfterEach
  void stop() {
    guard.close();
    ui.stop(0);
    api.stop(0);
  }

  @Test
  void shouldHandOnWhatTheUserAsks() throws IOException {
    String answer =
        ask(
            "POST /api/x?y=%20z",
            "Host: 127.0.0.1:" + guard.port(),
            "Origin: http://127.0.0.1:" + guard.port(),
            "Sec-Fetch-Site: same-origin",
            "Cookie: c=d");
    assertThat(answer)
        .startsWith("HTTP/1.1 201")
        .contains("the page")
        .containsIgnoringCase("set-cookie: a=1");
    assertThat(answer).containsIgnoringCase("set-cookie: b=2");
    assertThat(asked).containsExactly("POST /api/x?y=%20z c=d body");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Host: evil.test",
        "Host: evil.test:8233|Sec-Fetch-Site: same-origin",
        "Host: 127.0.0.1.evil.test",
        "Host: localhost|Sec-Fetch-Site: same-site",
        "Host: localhost|Sec-Fetch-Site: cross-site",
        "Host: localhost|Sec-Fetch-Site: cross-site|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document",
        "Host: localhost|Origin: http://evil.test",
        "Host: localhost|Origin: null",
        "Host: localhost:1|Origin: http://localhost:2",
      })
  void shouldRefuseWhatAForeignPageAsks(String headers) throws IOException {
    assertThat(ask("POST /api/x", headers.split("\\|", -1))).startsWith("HTTP/1.1 403");
    assertThat(asked).isEmpty();
  }

  @Test
  void shouldAskTheApiToDecryptAsTheUserOfItsPage() throws IOException {
    String[] own = {
      "Host: 127.0.0.1:" + guard.port(),
      "Origin: http://127.0.0.1:" + guard.port(),
      "Sec-Fetch-Site: same-origin",
      "Cookie: c=d"
    };
    assertThat(ask("POST /codec/decode", own)).startsWith("HTTP/1.1 200");
    assertThat(asked).containsExactly("api /api/v1/codec/decode c=d same-origin null");
    own[1] = "Origin: http://127.0.0.1:" + api.getAddress().getPort();
    assertThat(ask("POST /codec/decode", own)).startsWith("HTTP/1.1 403");
    assertThat(asked).hasSize(1);
  }

  @Test
  void shouldLetALinkOfTheDashboardOpenIt() throws IOException {
    String[] link = {
      "Host: localhost",
      "Sec-Fetch-Site: same-site",
      "Sec-Fetch-Mode: navigate",
      "Sec-Fetch-Dest: document"
    };
    assertThat(ask("GET /", link)).startsWith("HTTP/1.1 201");
    link[3] = "Sec-Fetch-Dest: iframe";
    assertThat(ask("GET /", link)).startsWith("HTTP/1.1 403");
  }

  @Test
  void shouldPutTheUiWhereNoPageGuessesIt() {
    assertThat(WebUiGuard.randomAddress()).matches("127\\.\\d+\\.\\d+\\.\\d+");
    assertThat(WebUiGuard.randomAddress()).isNotEqualTo(WebUiGuard.randomAddress());
  }

  private String ask(String line, String... headers) throws IOException {
    String request =
        "%s HTTP/1.1\r\nConnection: close\r\nContent-Length: 4\r\n%s\r\n\r\nbody"
            .formatted(line, String.join("\r\n", headers));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), guard.port())) {
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    }
  }
}
