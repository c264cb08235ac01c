package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code deploy/docker}, checked as far as it can be without a container engine. */
class DockerImagesTest {

  private String dockerfile;

  @BeforeEach
  void read() throws IOException {
    dockerfile = DeployFiles.read("deploy/docker/Dockerfile");
  }

  @Test
  void shouldStartFromPinnedImagesAndStagesOfItsOwn() {
    List<String> stages = all("(?m)^FROM \\S+ AS (\\S+)$");
    List<String> bases = all("(?m)^FROM (\\S+)");
    assertThat(bases).hasSameSizeAs(stages).contains("runtime", "build");
    assertThat(bases).allMatch(base -> stages.contains(base) || DeployFiles.PINNED.test(base));
    assertThat(stages).contains("api", "worker-cpu", "worker-cuda", "cli");
  }

  @Test
  void shouldRunAsAnotherUserThanRootAndLetSigtermReachJava() {
    String runtime = stage("runtime");
    assertThat(runtime).contains("\nUSER 10001:10001\n").contains("\nSTOPSIGNAL SIGTERM\n");
    for (String name : List.of("api", "worker")) {
      assertThat(stage(name))
          .startsWith("FROM runtime")
          .containsPattern("(?m)^ENTRYPOINT \\[\"java\", ") // no shell in between
          .containsPattern("(?m)^ +CMD \\[\"healthy\", ")
          .doesNotContain("USER root");
    }
    assertThat(stage("cli"))
        .startsWith("FROM runtime")
        .containsPattern("(?m)^ENTRYPOINT \\[\"java\", ")
        .doesNotContain("HEALTHCHECK") // a program that ends
        .doesNotContain("USER root");
    assertThat(stage("worker-cpu")).startsWith("FROM worker").doesNotContain("ENTRYPOINT");
    assertThat(stage("worker-cuda")).startsWith("FROM worker").doesNotContain("ENTRYPOINT");
  }

  @Test
  void shouldSetOnlyVariablesThatTheProgramsRead() throws IOException {
    Set<String> known = new TreeSet<>(KnownVariables.ofWorker());
    known.addAll(KnownVariables.ofApi());
    String joined = dockerfile.replace("\\\n", " ");
    List<String> set = new ArrayList<>();
    Pattern.compile("(?m)^ENV (.*)$")
        .matcher(joined)
        .results()
        .forEach(
            line ->
                Pattern.compile("([A-Z_]+)=\\S+")
                    .matcher(line.group(1))
                    .results()
                    .forEach(variable -> set.add(variable.group(1))));
    assertThat(set).contains("PYTORCH_LIBRARY_PATH", "ATELIER_WORKER_DEVICE").isSubsetOf(known);
  }

  @Test
  void shouldTellAHealthyContainerFromOneThatIsNot() throws Exception {
    assertThat(DeployFiles.ROOT.resolve("deploy/docker/healthy")).isExecutable();
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    answer(server, "/up", 200);
    answer(server, "/down", 503);
    server.start();
    int port = server.getAddress().getPort();
    try {
      assertThat(healthy(port, "/up")).isZero();
      assertThat(healthy(port, "/down")).isNotZero();
    } finally {
      server.stop(0);
    }
    assertThat(healthy(port, "/up")).as("nothing listens").isNotZero();
  }

  private static void answer(HttpServer server, String path, int status) {
    server.createContext(
        path,
        exchange -> {
          exchange.sendResponseHeaders(status, -1);
          exchange.close();
        });
  }

  private static int healthy(int port, String path) throws Exception {
    return new ProcessBuilder(
            DeployFiles.ROOT.resolve("deploy/docker/healthy").toString(),
            Integer.toString(port),
            path)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }

  private String stage(String name) {
    return List.of(dockerfile.split("(?m)^(?=FROM )", -1)).stream()
        .filter(stage -> stage.lines().findFirst().orElse("").endsWith(" AS " + name))
        .findFirst()
        .orElseThrow();
  }

  private List<String> all(String pattern) {
    return Pattern.compile(pattern).matcher(dockerfile).results().map(m -> m.group(1)).toList();
  }
}
