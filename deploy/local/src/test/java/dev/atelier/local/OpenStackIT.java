package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code ./atelier up --open}: whom an API answers that asks for no token. What pages see of one in
 * a browser is in {@link ForeignPagesIT}.
 */
@Timeout(900)
class OpenStackIT {

  private static final Duration PATIENCE = Duration.ofMinutes(4); // ends a hung test, no more
  private static final String LAUNCH = "POST /api/v1/experiments?dryRun=true";

  @Test
  void shouldAnswerEveryProgramAndNoForeignPage(@TempDir Path directory) throws Exception {
    Path data = directory.resolve("data");
    try (ProgramProcess up = up(directory.resolve("up.log"), data)) {
      Waiting.until(() -> !after("Ready.", up).isEmpty() || !up.alive(), PATIENCE);
      assertThat(after("Open (--open)", up))
          .as("%s", up.log())
          .isEqualTo(": every user and program of this machine may do everything.");
      String dashboard = after("Dashboard", up).strip();
      int port = URI.create(dashboard).getPort();
      assertThat(dashboard).as("no code to sign in").isEqualTo("http://127.0.0.1:%d/", port);
      assertThat(Files.readString(data.resolve("curl"))).doesNotContain("Authorization");
      assertThat(Files.readString(data.resolve("client.properties"))).doesNotContain("token");

      for (String request :
          List.of("GET /api/v1/whoami", LAUNCH, "GET /", "GET /q/openapi", "GET /q/health")) {
        assertThat(status(port, request, "")).as("a program: " + request).isEqualTo(200);
        for (String foreign :
            List.of("Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: null")) {
          assertThat(status(port, request, foreign)).as(request + ", " + foreign).isEqualTo(403);
        }
        assertThat(status(port, request, "Sec-Fetch-Site: same-origin"))
            .as("its own page: " + request)
            .isEqualTo(200);
        assertThat(status(port, request, "Host: evil.test:" + port)).as(request).isEqualTo(421);
      }
      up.end();
    }
  }

  private static ProgramProcess up(Path log, Path data) throws IOException {
    return ProgramProcess.start(
        log,
        Map.of(),
        List.of(
            "-Datelier.home=" + StackUnderTest.ROOT,
            "-cp",
            System.getProperty("java.class.path"),
            "dev.atelier.local.command.AtelierProgram",
            "up",
            "--open",
            "--free-ports",
            "--workers=1",
            "--data=" + data));
  }

  /** The rest of the line that begins so; empty: it has not come. */
  private static String after(String beginning, ProgramProcess up) throws IOException {
    return up.log().stream()
        .filter(line -> line.startsWith(beginning))
        .map(line -> line.substring(beginning.length()))
        .findFirst()
        .orElse("");
  }

  /** What the API answers to a request, which has a body if it is a POST. */
  private static int status(int port, String request, String header) throws IOException {
    String body = request.startsWith("POST") ? "{}" : "";
    String host = header.startsWith("Host: ") ? "" : "Host: 127.0.0.1:%d\r\n".formatted(port);
    String head =
        "%s HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s%s\r\n"
            .formatted(request, body.length(), host, header.isEmpty() ? "" : header + "\r\n");
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout((int) PATIENCE.toMillis());
      socket.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
      String line = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
      return Integer.parseInt(line.substring(9));
    }
  }
}
