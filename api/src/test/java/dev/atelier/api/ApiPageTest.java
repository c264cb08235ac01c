package dev.atelier.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.problem.ProblemType;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIf;
import org.junit.jupiter.api.io.TempDir;

/** Keeps docs/api.md true. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class ApiPageTest {

  private static final Path PAGE = Path.of("../docs/api.md");
  private static final Pattern COMMANDS = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);

  @TestHTTPResource URI server;

  @TempDir Path folder;

  static boolean lacksCurl() {
    return Stream.of(System.getenv("PATH").split(":", -1))
        .noneMatch(folder -> Files.isExecutable(Path.of(folder, "curl")));
  }

  @Test
  @Tag("real")
  @DisabledIf(value = "lacksCurl", disabledReason = "missing: curl")
  void shouldRunEveryCommandOfThePage() throws Exception {
    String commands =
        COMMANDS
            .matcher(Files.readString(PAGE))
            .results()
            .map(block -> block.group(1))
            .collect(Collectors.joining());
    Files.writeString(folder.resolve(".curlrc"), "fail-with-body\n");
    Run run = run("set -euxo pipefail\n" + commands);
    assertThat(run.exitCode()).as(run.output()).isZero();
    assertThat(folder.resolve("experiments.csv")).content().contains(",first,");

    Run wrong = run("set -e\ncurl -s \"$API/experiments/none\"");
    assertThat(wrong.exitCode()).as("an error fails a command").isNotZero();
  }

  @Test
  void shouldNameEveryTypeOfProblem() throws Exception {
    String errors = Files.readString(PAGE).replaceFirst("(?s).*\n## Errors", "");
    assertThat(
            Pattern.compile("`([a-z-]+)`")
                .matcher(errors)
                .results()
                .map(match -> match.group(1))
                .toList())
        .containsAll(
            Arrays.stream(ProblemType.values())
                .map(type -> type.uri().replaceFirst("^/problems/", ""))
                .toList());
  }

  private record Run(int exitCode, String output) {}

  private Run run(String script) throws Exception {
    ProcessBuilder bash =
        new ProcessBuilder("bash", "-c", script)
            .directory(folder.toFile())
            .redirectErrorStream(true);
    bash.environment().put("API", server.resolve("/api/v1").toString());
    bash.environment().put("CURL_HOME", folder.toString());
    bash.environment().put("ME", Files.writeString(folder.resolve("me"), "").toString()); // open
    Process process = bash.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return new Run(process.exitValue(), output);
  }
}
