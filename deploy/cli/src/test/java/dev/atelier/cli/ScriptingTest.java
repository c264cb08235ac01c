package dev.atelier.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.atelier.cli.stack.RunningStacks;
import dev.atelier.cli.stack.StackAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What scripts and shells build on: documents, exit codes, settings, completion. */
class ScriptingTest {

  private static final String ID = "20261122-230513-5232ab";
  private static final String EXPERIMENT = "/api/v1/experiments/" + ID;
  private static final String DOCUMENT =
      """
      {"id": "%s", "name": "yes", "stage": "DONE", "count": 1.50, "text": "1.50", "newField": [1]}"""
          .formatted(ID);
  private static final String EVENTS =
      """
      {"items": [
        {"id": 1, "at": "2026-11-22T23:05:13Z", "kind": "launched", "detail": "as asked"},
        {"id": 2, "at": "2026-11-22T23:06:13Z", "kind": "model-failed", "model": "student-2",
         "detail": "The loss\\nis NaN."}]%s}""";

  @TempDir private Path folder;
  private StubApi api;

  @BeforeEach
  void serve() throws Exception {
    api = new StubApi();
  }

  @AfterEach
  void stop() {
    api.close();
  }

  @Test
  void shouldPrintTheApisOwnDocumentAsJsonAndAsYaml() throws Exception {
    api.answer("GET " + EXPERIMENT, 200, DOCUMENT);
    JsonNode expected = new ObjectMapper().readTree(DOCUMENT);
    CommandOutput json = CommandOutput.of("show", ID, "-o", "json", "--url", api.url());
    assertThat(json.exitCode()).isZero();
    assertThat(new ObjectMapper().readTree(json.out())).isEqualTo(expected);
    CommandOutput yaml = CommandOutput.of("show", ID, "--output=yaml", "--url", api.url());
    assertThat(new YAMLMapper().readTree(yaml.out())).isEqualTo(expected);
  }

  @Test
  void shouldPrintListsAsDocuments() throws Exception {
    String page = "{\"items\": [], \"warnings\": [], \"nextCursor\": \"c\"}";
    api.answer("GET /api/v1/experiments", 200, page).answer("GET /api/v1/studies", 200, page);
    for (List<String> command : List.of(List.of("ls"), List.of("study", "ls"))) {
      CommandOutput output =
          CommandOutput.of(
              java.util.stream.Stream.concat(
                      command.stream(), java.util.stream.Stream.of("-o=json", "--url=" + api.url()))
                  .toArray(String[]::new));
      assertThat(new ObjectMapper().readTree(output.out()))
          .isEqualTo(new ObjectMapper().readTree(page));
    }
  }

  @Test
  void shouldTellByTheExitCodeWhatWentWrong() {
    String path = "GET " + EXPERIMENT;
    for (Map.Entry<Integer, Integer> codes :
        Map.of(404, 4, 409, 3, 422, 3, 401, 6, 403, 6, 503, 5, 429, 5, 500, 1).entrySet()) {
      try (StubApi other = new StubApi().answer(path, codes.getKey(), "{\"detail\": \"No.\"}")) {
        CommandOutput output = CommandOutput.of("show", ID, "--url", other.url());
        assertThat(output.exitCode()).as("status %d", codes.getKey()).isEqualTo(codes.getValue());
        assertThat(output.err().strip()).isEqualTo("No.");
      } catch (java.io.IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
    assertThat(CommandOutput.of("show").exitCode()).isEqualTo(2);
    assertThat(CommandOutput.of("show", ID, "--url", "nowhere").exitCode()).isEqualTo(2);
  }

  @Test
  void shouldSendTheTokenToTheApiAlone() throws Exception {
    api.answer("GET " + EXPERIMENT, 200, DOCUMENT);
    CommandOutput.of("show", ID, "-o=json", "--token=secret", "--url", api.url());
    CommandOutput.of("show", ID, "-o=json", "--url", api.url());
    assertThat(api.authorizations())
        .containsExactly(Optional.of("Bearer secret"), Optional.empty());
  }

  @Test
  void shouldPreferTheEnvironmentToTheFileOfSettings() throws Exception {
    Path file = Files.writeString(folder.resolve("config"), "url = http://file\ntoken = t\n");
    Map<String, String> both =
        Map.of("ATELIER_CONFIG", file.toString(), "ATELIER_URL", "http://environment");
    UserSettings settings = new UserSettings(both, folder);
    assertThat(settings.get("url")).contains("http://environment");
    assertThat(settings.get("token")).contains("t");
    assertThat(new UserSettings(Map.of(), folder).get("url")).isEmpty();

    Files.createDirectories(folder.resolve(".config/atelier"));
    Files.copy(file, folder.resolve(".config/atelier/config.properties"));
    assertThat(new UserSettings(Map.of(), folder).get("url")).contains("http://file");
    UserSettings unreadable = new UserSettings(Map.of("ATELIER_CONFIG", folder.toString()), folder);
    assertThatThrownBy(() -> unreadable.get("url"))
        .hasMessageStartingWith("Cannot read the settings in " + folder);
  }

  @Test
  void shouldShowEveryPageOfEventsAndThoseOfOneModel() throws Exception {
    api.answer("GET " + EXPERIMENT + "/events", 200, EVENTS.formatted(", \"nextCursor\": \"7\""))
        .answer("GET " + EXPERIMENT + "/events", 200, EVENTS.formatted(""));
    CommandOutput all = CommandOutput.of("events", ID, "--url", api.url());
    assertThat(all.out().lines().filter(line -> line.contains("launched"))).hasSize(2);
    assertThat(all.out()).contains("The loss is NaN.");
    assertThat(api.asked().get(1).uri()).endsWith("&cursor=7");
    CommandOutput one = CommandOutput.of("events", ID, "--model=2", "-o=json", "--url", api.url());
    assertThat(new ObjectMapper().readTree(one.out())).hasSize(1);
  }

  @Test
  void shouldShowWhatWorkersLoggedAboutOneModel() throws Exception {
    api.answer("GET " + EXPERIMENT + "/events", 200, EVENTS.formatted(""));
    Files.createDirectories(folder.resolve("logs"));
    Files.writeString(
        folder.resolve("logs/worker-1.log"),
        """
        2026-11-22 23:05:13 INFO a %1$s student-1 other
        2026-11-22 23:05:14 WARN a %1$s student-2 diverged
        java.lang.IllegalStateException: NaN
        2026-11-22 23:05:15 INFO b
        """
            .formatted(ID));
    CommandOutput output =
        CommandOutput.of("logs", ID, "2", "--data", folder.toString(), "--url", api.url());
    assertThat(output.exitCode()).isZero();
    assertThat(output.out())
        .contains("model-failed", "student-2 diverged", "IllegalStateException: NaN")
        .doesNotContain("student-1", "INFO b", "launched");
    api.answer("GET " + EXPERIMENT, 200, "{\"models\": [{\"key\": \"student-2\"}]}");
    CommandOutput unknown = CommandOutput.of("logs", ID, "9", "--url", api.url());
    assertThat(unknown.exitCode()).isEqualTo(4);
    assertThat(unknown.err()).contains("has no model 'student-9'");
  }

  /** A stack that runs in a folder of its own, whose data folder no option names. */
  @Test
  void shouldFindTheFolderOfTheStackThatRunsElsewhere() throws Exception {
    api.answer("GET " + EXPERIMENT + "/events", 200, EVENTS.formatted(""));
    Path data = Files.createDirectories(folder.resolve("elsewhere"));
    Files.createDirectories(data.resolve("logs"));
    Files.writeString(
        data.resolve("logs/worker-1.log"), "2026-11-22 23:05:14 WARN %s student-2 x".formatted(ID));
    String home = System.getProperty("user.home");
    System.setProperty("user.home", folder.resolve("home").toString());
    try {
      RunningStacks stacks = RunningStacks.ofUser();
      assertThat(stacks.all()).isEmpty();
      new StackAddress(api.url(), Optional.of("secret")).write(data);
      stacks.add(data);
      assertThat(CommandOutput.of("logs", ID, "2", "--url", api.url()).out())
          .contains("WARN %s student-2 x".formatted(ID));
      assertThat(api.authorizations()).containsOnly(Optional.of("Bearer secret"));

      StackAddress.remove(data); // as it was killed: a note alone leads nowhere
      assertThat(stacks.all()).isEmpty();
      assertThat(CommandOutput.of("logs", ID, "2", "--url", api.url()).out())
          .contains("No logs of workers here");
      stacks.remove(data);
    } finally {
      System.setProperty("user.home", home);
    }
  }

  @Test
  void shouldFetchSamplesOfOneSubject() throws Exception {
    String sha256 =
        java.util.HexFormat.of()
            .formatHex(
                java.security.MessageDigest.getInstance("SHA-256")
                    .digest("png".getBytes(StandardCharsets.UTF_8)));
    api.answer(
            "GET " + EXPERIMENT,
            200,
            """
            {"id": "%s", "name": "n", "stage": "DONE", "createdAt": "2026-11-22T23:05:13Z",
             "spec": {}, "labels": {}, "links": {"self": "x"}, "models": [], "evaluations": [],
             "artifacts": [{"name": "samples-teacher.png", "kind": "grid", "href": "/t.png",
               "contentType": "image/png", "bytes": 3, "sha256": "%s"}]}"""
                .formatted(ID, sha256))
        .answer("GET /t.png", 200, "png");
    CommandOutput output =
        CommandOutput.of("samples", ID, "teacher", "--to", folder.toString(), "--url", api.url());
    assertThat(output.err()).isEmpty();
    assertThat(folder.resolve("samples-teacher.png")).hasContent("png");
    CommandOutput none = CommandOutput.of("samples", ID, "merged", "--url", api.url());
    assertThat(none.exitCode()).isEqualTo(4);
    assertThat(none.err()).contains("no samples of 'merged'; it has: teacher");
  }

  @Test
  void shouldCompleteCommandsInBash() throws Exception {
    Path script = folder.resolve("completion");
    Files.writeString(script, CommandOutput.of("completion", "bash").out());
    Process bash =
        new ProcessBuilder(
                "bash",
                "-c",
                "source '%s'; COMP_WORDS=(atelier com); COMP_CWORD=1; _complete_atelier; echo ${COMPREPLY[@]}"
                    .formatted(script))
            .redirectErrorStream(true)
            .start();
    String completed = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(bash.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(completed.split("\\s+")).containsExactlyInAnyOrder("compare", "completion");
  }
}
