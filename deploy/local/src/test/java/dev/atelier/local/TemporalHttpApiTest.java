package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a page can make a browser ask of Temporal's dev server, whose HTTP API is open on some port
 * whatever its flags say. Runs where the {@code temporal} program is on the PATH.
 */
@RequiresProgram("temporal")
@Timeout(600)
class TemporalHttpApiTest {

  private static final String WORKFLOW =
      "{\"workflowType\":{\"name\":\"DistillationWorkflow\"},\"taskQueue\":{\"name\":\"atelier\"}}";

  @TempDir private Path folder;
  private Process process;
  private int httpPort;
  private int uiPort;

  @BeforeEach
  void start() throws Exception {
    start(command());
  }

  private List<String> command() throws Exception {
    try (DataDirectory directory = DataDirectory.open(folder.resolve("data"))) {
      return new TemporalService(
              Programs.find("temporal"), directory, Ports.anyFree(), Ports.HOST, Ports.anyFree())
          .launch()
          .command();
    }
  }

  private void start(List<String> command) throws Exception {
    httpPort = Integer.parseInt(command.get(command.indexOf("--http-port") + 1));
    uiPort = Integer.parseInt(command.get(command.indexOf("--ui-port") + 1));
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    Waiting.until(
        () -> {
          try {
            return ask(uiPort, "GET /api/v1/namespaces/default", "", "Host: localhost") == 200;
          } catch (IOException e) {
            return false; // not yet
          }
        });
  }

  @AfterEach
  void stop() throws InterruptedException {
    process.destroy();
    process.waitFor();
  }

  @ParameterizedTest
  @ValueSource(strings = {"evil.test", "127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "-"})
  void shouldStartNoWorkflowOverTheHttpApi(String host) throws Exception {
    String own = "Host: " + host.replace("{port}", Integer.toString(httpPort));
    assertThat(ask(httpPort, start("page"), WORKFLOW, own)).isEqualTo(403);
    assertThat(ask(httpPort, start("page"), WORKFLOW, own, "Content-Type: application/json"))
        .isEqualTo(403);
    assertThat(ask(httpPort, "GET /api/v1/namespaces/default/workflows", "", own)).isEqualTo(403);
    assertThat(exists("page")).isFalse();
  }

  @Test
  void shouldHaveStartedOneWithoutTheSetting() throws Exception {
    stop();
    List<String> open = new ArrayList<>(command());
    int setting = open.indexOf("frontend.httpAllowedHosts=[]");
    open.subList(setting - 1, setting + 1).clear();
    start(open);
    assertThat(
            ask(
                httpPort,
                start("page"),
                WORKFLOW,
                "Host: evil.test",
                "Origin: http://evil.test",
                "Sec-Fetch-Site: cross-site"))
        .isEqualTo(200);
    assertThat(exists("page")).isTrue();
  }

  @Test
  void shouldStartNoWorkflowOverTheWebUiForAForeignPage() throws Exception {
    String host = "Host: 127.0.0.1:" + uiPort;
    String[][] pages = {
      {"Sec-Fetch-Site: cross-site", "Origin: http://evil.test"},
      {"Sec-Fetch-Site: cross-site", "Origin: null"},
      {"Sec-Fetch-Site: same-site", "Origin: http://127.0.0.1:1"},
      {"Origin: http://evil.test"},
      {},
    };
    for (String[] page : pages) {
      List<String> headers = new ArrayList<>(List.of(page));
      headers.add(host);
      assertThat(ask(uiPort, start("page"), WORKFLOW, headers.toArray(new String[0])))
          .as("%s", headers)
          .isIn(400, 403);
    }
    assertThat(exists("page")).isFalse();
    assertThat(ask(uiPort, start("own"), WORKFLOW, host, "Sec-Fetch-Site: same-origin"))
        .as("its own page")
        .isEqualTo(200);
    assertThat(exists("own")).isTrue();
  }

  @Test
  void shouldAnswerUnderAForeignNameWhereNoGuardStandsBefore() throws Exception {
    String[] rebound = {"Host: evil.test:" + uiPort, "Sec-Fetch-Site: same-origin"};
    try (WebUiGuard guard =
        WebUiGuard.start(
            0, URI.create("http://%s:%d".formatted(Ports.HOST, uiPort)), Optional.empty())) {
      assertThat(ask(guard.port(), start("page"), WORKFLOW, rebound)).isEqualTo(403);
      assertThat(exists("page")).isFalse();
    }
    assertThat(ask(uiPort, start("page"), WORKFLOW, rebound)).isEqualTo(200);
    assertThat(exists("page")).isTrue();
  }

  private static String start(String id) {
    return "POST /api/v1/namespaces/default/workflows/" + id;
  }

  private boolean exists(String id) throws IOException {
    return ask(uiPort, "GET /api/v1/namespaces/default/workflows/" + id, "", "Host: localhost")
        == 200;
  }

  /** Sends a request with just these headers; returns the status. */
  private static int ask(int port, String line, String body, String... headers) throws IOException {
    String request =
        "%s HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n\r\n%s"
            .formatted(line, body.length(), String.join("\r\n", headers), body);
    URI own = URI.create("http://%s:%d".formatted(Ports.HOST, port));
    try (Socket socket = new Socket(own.getHost(), own.getPort())) {
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      return Integer.parseInt(answer.substring(9, 12));
    }
  }
}
