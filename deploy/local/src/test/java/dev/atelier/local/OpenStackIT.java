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
import java.util.ArrayList;
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
  private static final String JAVA =
      ProcessHandle.current().info().command().orElseThrow(); // this JVM's
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
      commandLineAlone(directory, "http://127.0.0.1:" + port);
      up.end();
    }
  }

  /**
   * The one file of the command line, in a folder and an environment without the rest of Atelier.
   */
  private static void commandLineAlone(Path directory, String url) throws Exception {
    Path jar =
        Files.copy(
            StackUnderTest.ROOT.resolve("deploy/cli/target/atelier.jar"),
            directory.resolve("atelier.jar"));
    String commands = alone(jar, url, 0, "help");
    List<String> names =
        commands
            .substring(commands.indexOf("Commands:"))
            .lines()
            .filter(line -> line.startsWith("  ") && !line.startsWith("   "))
            .map(line -> line.strip().replaceAll("[, ].*", ""))
            .filter(name -> name.matches("[a-z-]+"))
            .toList();
    assertThat(names).contains("launch", "export", "study", "audit");
    for (String name : names) {
      assertThat(alone(jar, url, 0, "help", name)).contains("Usage: atelier " + name);
    }
    Path spec =
        Files.writeString(directory.resolve("spec.yaml"), "name: alone\nstudents: {count: 0}");
    assertThat(alone(jar, url, 3, "launch", spec.toString())).contains("students.count");
    assertThat(alone(jar, url, 0, "ls", "-o", "yaml")).contains("items:");
    assertThat(alone(jar, url, 0, "workers")).contains("atelier-cpu");
    assertThat(alone(jar, url, 4, "show", "0000aaaa")).contains("0000aaaa");
    assertThat(alone(jar, "http://127.0.0.1:1", 5, "ls")).contains("http://127.0.0.1:1");
  }

  private static String alone(Path jar, String url, int exitCode, String... arguments)
      throws Exception {
    List<String> command = new ArrayList<>(List.of(JAVA, "-jar", jar.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder program = new ProcessBuilder(command).redirectErrorStream(true);
    program.directory(jar.getParent().toFile());
    program.environment().clear();
    program.environment().putAll(Map.of("ATELIER_URL", url, "HOME", jar.getParent().toString()));
    Process process = program.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("%s: %s", command, said).isEqualTo(exitCode);
    return said;
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
