package dev.atelier.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AtelierCliTest {

  private static final String ID = "20261122-230513-5232ab";
  private static final String EXPERIMENT = "/api/v1/experiments/" + ID;

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

  private static String experiment(String stage, String more) {
    return """
    {"id": "%s", "name": "demo", "stage": "%s", "createdAt": "2026-11-22T23:05:13Z", "spec": {},
     "dataset": {"sha256": "d", "images": 9, "resolution": 16, "channels": 3, "skipped": 1,
       "classes": 0, "passedOver": [{"reason": "encrypted", "files": 1, "examples": ["a.png"]}]},
     "labels": {}, "links": {"self": "%s", "temporal": "http://127.0.0.1:8233/w"},
     "models": [
       {"key": "teacher", "range": {"low": 0, "high": 1000}, "state": "DONE", "step": 60,
        "totalSteps": 60, "loss": 0.25, "imagesPerSecond": 158.2, "attempts": 1},
       {"key": "student-1", "range": {"low": 0, "high": 500}, "state": "RUNNING", "step": 10,
        "totalSteps": 40, "loss": 1.5, "imagesPerSecond": 8.25, "etaSeconds": 62, "attempts": 1}]
     %s}\
    """
        .formatted(ID, stage, EXPERIMENT, more);
  }

  private static final String EVALUATIONS =
      """
      , "evaluations": [
        {"subject": "o2mkd", "metric": "Fréchet distance (random-conv)", "distance": 11.468,
         "macsPerStep": 36290000.0, "parameters": 1260000, "imagesPerSecond": 80.4,
         "peakMemoryBytes": 548405248, "protocol": {}, "weightsBytes": 5040000,
         "metrics": {"frechetDistance": 11.468, "kernelDistance": 0.03125,
          "recall": 0.625, "precision": 0.0}},
        {"subject": "teacher", "metric": "Fréchet distance (random-conv)",
         "macsPerStep": 64370000.0, "parameters": 1110000, "imagesPerSecond": 72.0,
         "peakMemoryBytes": 521142272, "protocol": {}}], "artifacts": [],
      "schedules": [
        {"owners": [{"low": 0, "high": 1000, "model": "teacher"}],
         "distance": 9.5, "macsPerStep": 64370000.0, "frontier": true},
        {"owners": [{"low": 0, "high": 500, "model": "teacher"},
                    {"low": 500, "high": 1000, "model": "student-2"}],
         "distance": 99.5, "macsPerStep": 50000000.0, "frontier": false},
        {"owners": [{"low": 0, "high": 500, "model": "student-1"},
                    {"low": 500, "high": 1000, "model": "student-2"}],
         "distance": 12.25, "macsPerStep": 36290000.0, "frontier": true,
         "estimator": "EXTRAPOLATED_FRECHET"}]\
      """;

  private static final String NOTHING_YET = ", \"evaluations\": [], \"artifacts\": []";

  @Test
  void shouldPrintTheIdAndSendTheKeyWhenLaunched() throws Exception {
    api.answer("POST /api/v1/experiments", 202, "{\"id\": \"%s\"}".formatted(ID));
    Path spec = Files.writeString(folder.resolve("spec.yaml"), "name: mine # as I like it\n");

    CommandOutput output =
        CommandOutput.of("launch", spec.toString(), "--idempotency-key", "k1", "--url", api.url());

    assertThat(output).isEqualTo(new CommandOutput(0, ID + System.lineSeparator(), ""));
    assertThat(api.asked())
        .containsExactly(
            new StubApi.Asked(
                "POST", "/api/v1/experiments", Optional.of("k1"), "name: mine # as I like it\n"));
  }

  @Test
  void shouldPrintTheWarningsOfALaunchBesideTheId() throws Exception {
    api.answer(
        "POST /api/v1/experiments",
        202,
        "{\"id\": \"%s\", \"warnings\": [\"No step asks student-8.\"]}".formatted(ID));
    Path spec = Files.writeString(folder.resolve("spec.yaml"), "name: mine\n");

    CommandOutput output = CommandOutput.of("launch", spec.toString(), "--url", api.url());

    assertThat(output.exitCode()).isZero();
    assertThat(output.out()).isEqualTo(ID + System.lineSeparator());
    assertThat(output.err()).contains("Warning: No step asks student-8.");
  }

  private static final String STUDENT_MEMORY =
      """
      {"total": 104857600, "checkpointed": 52428800, "kept": 104857600,
       "parts": {"weights": 1048576, "average": 2097152, "moments": 3145728, "gradients": 4194304,
         "activations": 73400320, "teacherWeights": 5242880, "teacherActivations": 6291456},
       "bySamples": [{"samples": 1, "checkpointed": 20971520, "kept": 31457280},
         {"samples": 16, "checkpointed": 52428800, "kept": 104857600}]}\
      """;

  @Test
  void shouldSayWhatALaunchWouldTakeAndLaunchNothingWhenRunDry() throws Exception {
    api.answer(
        "POST /api/v1/experiments",
        200,
        """
        {"models": [
           {"key": "teacher", "range": {"low": 0, "high": 1000}, "steps": 0, "visits": 25},
           {"key": "student-1", "range": {"low": 0, "high": 500}, "parameters": 625000,
            "macs": 36300000, "steps": 550, "memory": %1$s, "stepsPerSecond": 4.25, "hours": 0.0359,
            "visits": 13},
           {"key": "student-2", "parameters": 625000, "macs": 36300000, "steps": 550,
            "memory": %1$s}],
         "deviceHours": 0.0718, "estimatedFrom": "Rates from trainings on 'cpu'.", "spec": {},
         "warnings": ["No step asks student-2."]}\
        """
            .formatted(STUDENT_MEMORY));
    Path spec = Files.writeString(folder.resolve("spec.yaml"), "name: mine\n");

    CommandOutput output =
        CommandOutput.of("launch", "--dry-run", spec.toString(), "--url", api.url());

    assertThat(output.exitCode()).isZero();
    assertThat(output.err()).isEqualToNormalizingNewlines("Warning: No step asks student-2.\n");
    assertThat(output.out().lines().map(line -> line.replaceAll(" {2,}", "  ")))
        .contains(
            "teacher  [0, 1000)  25  –  –  0  –  –",
            "student-1  [0, 500)  13  625 k  36.3 M  550  4.25  2 min 9 s",
            "student-2  cut later  –  625 k  36.3 M  550  –  –",
            "4 min 18 s of device time in all. Rates from trainings on 'cpu'.",
            "student-1, student-2  1.00 MiB  2.00 MiB  3.00 MiB  4.00 MiB  70.0 MiB  11.0 MiB  100 MiB",
            "student-1, student-2  1  30.0 MiB  20.0 MiB",
            "student-1, student-2  16  100 MiB  50.0 MiB");
    assertThat(api.asked())
        .containsExactly(
            new StubApi.Asked(
                "POST", "/api/v1/experiments?dryRun=true", Optional.empty(), "name: mine\n"));
  }

  @Test
  void shouldSayThatMemoryIsNotKnownWhenTheTeacherIsImported() throws Exception {
    api.answer(
        "POST /api/v1/experiments",
        200,
        """
        {"models": [{"key": "teacher", "steps": 0}], "warnings": [],
         "estimatedFrom": "No training has ended on 'cpu' yet, so that rates are not known."}\
        """);
    Path spec = Files.writeString(folder.resolve("spec.yaml"), "name: mine\n");

    CommandOutput output =
        CommandOutput.of("launch", "--dry-run", spec.toString(), "--url", api.url());

    assertThat(output.exitCode()).isZero();
    assertThat(output.out())
        .contains("What a training step holds is known once the teacher is imported.");
  }

  @Test
  void shouldFailWithEachFaultWhenASpecIsRefusedInADryRun() throws Exception {
    api.answer(
        "POST /api/v1/experiments",
        422,
        """
        {"title": "The document breaks the rules", "status": 422, "detail": "The spec has 1 fault.",
         "faults": [{"field": "seed", "message": "must be a whole number."}]}\
        """);
    Path spec = Files.writeString(folder.resolve("spec.yaml"), "seed: x\n");

    CommandOutput output =
        CommandOutput.of("launch", "--dry-run", spec.toString(), "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(3);
    assertThat(output.out()).isEmpty();
    assertThat(output.err())
        .isEqualToNormalizingNewlines("The spec has 1 fault.\n  seed must be a whole number.\n");
  }

  @Test
  void shouldRefuseToWaitForWhatADryRunDoesNotLaunch() throws Exception {
    Path spec = Files.writeString(folder.resolve("spec.yaml"), "name: mine\n");

    CommandOutput output =
        CommandOutput.of("launch", "--dry-run", "--wait", spec.toString(), "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(2);
    assertThat(output.err()).contains("--wait", "--dry-run");
    assertThat(api.asked()).isEmpty();
  }

  @Test
  void shouldPrintEachFaultOnALineWhenTheSpecIsRefused() throws Exception {
    api.answer(
        "POST /api/v1/experiments",
        422,
        """
        {"type": "/problems/invalid-spec", "title": "The document breaks the rules", "status": 422,
         "detail": "The spec has 2 faults.", "faults": [
           {"field": "students.count", "message": "must be 1 or more, found 0."},
           {"field": "seed", "message": "must be a whole number."}]}\
        """);
    Path spec = Files.writeString(folder.resolve("spec.yaml"), "seed: x\n");

    CommandOutput output = CommandOutput.of("launch", spec.toString(), "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(3);
    assertThat(output.err())
        .isEqualToNormalizingNewlines(
            """
            The spec has 2 faults.
              students.count must be 1 or more, found 0.
              seed must be a whole number.
            """);
  }

  @Test
  void shouldFailClearlyWhenNothingAnswers() throws Exception {
    String url = api.url();
    api.close();

    CommandOutput output = CommandOutput.of("ls", "--url", url);

    assertThat(output.exitCode()).isEqualTo(5);
    assertThat(output.err()).startsWith("Cannot reach " + url).contains("./atelier up");
  }

  @Test
  void shouldFailClearlyWhenAnotherServerAnswers() throws Exception {
    api.answer("GET /api/v1/experiments", 200, "<html>hello</html>");

    CommandOutput output = CommandOutput.of("ls", "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.err()).contains("does not answer as Atelier's API does");
  }

  @Test
  void shouldListWithFilters() {
    api.answer(
        "GET /api/v1/experiments",
        200,
        """
        {"items": [{"id": "%s", "name": "demo", "stage": "DONE", "students": 2, "step": 180,
          "totalSteps": 180, "distances": {"teacher": 12.89}, "createdAt": "2026-11-22T23:05:13Z"}],
         "nextCursor": "abc", "warnings": ["Figures differ in: samples (1, 2)."]}\
        """
            .formatted(ID));

    CommandOutput output =
        CommandOutput.of(
            "ls",
            "--stage",
            "DONE",
            "--label",
            "kind:demo",
            "--label",
            "a:b c",
            "--limit",
            "1",
            "--url",
            api.url());

    assertThat(output.exitCode()).isZero();
    assertThat(output.out())
        .contains(ID, "180/180", "teacher 12.89")
        .contains("There are more")
        .contains("Warning: Figures differ in: samples (1, 2).");
    assertThat(api.asked().get(0).uri())
        .contains("stage=DONE", "label=kind%3Ademo&label=a%3Ab+c", "limit=1");
  }

  @Test
  void shouldShowTheOneExperimentWhoseIdBeginsSo() {
    api.answer("GET /api/v1/experiments", 200, list(ID, "20260101-000000-aaaa"));
    api.answer("GET " + EXPERIMENT, 200, experiment("EVALUATING", EVALUATIONS));

    CommandOutput output = CommandOutput.of("show", "20261122", "--url", api.url());

    assertThat(output.err()).isEmpty();
    assertThat(api.asked().get(0).uri()).contains("idPrefix=20261122", "limit=6");
    assertThat(output.out())
        .containsSubsequence(
            ID,
            "9 images of 16 × 16 pixels; passed over: encrypted: 1 (a.png)",
            "teacher    [0, 1000)  ████████████████████  60/60",
            "student-1  [0, 500)   █████░░░░░░░░░░░░░░░  10/40  loss 1.500 · 8.25 images/s · 1 min"
                + " 2 s left",
            "Fréchet distance (random-conv)",
            "teacher",
            "64.4 M",
            "–",
            "o2mkd",
            "11.47",
            "4.81 MiB",
            "523 MiB",
            "kernel distance  recall\n",
            "teacher                –       –",
            "o2mkd            0.03125  0.6250",
            "Left out, as it is 0 for every subject: precision.",
            "frontier of 3 schedules, by the Fréchet distance extrapolated to infinitely many samples; these distances compare with one another only",
            "student-1 [0, 500), student-2 [500, 1000)         36.3 M     12.25",
            "teacher [0, 1000)                                 64.4 M     9.500",
            "http://127.0.0.1:8233/w");
  }

  @Test
  void shouldAskForMoreWhenSeveralIdsBeginSo() {
    api.answer("GET /api/v1/experiments", 200, list(ID, "20261122-000000-aaaa"));

    CommandOutput output = CommandOutput.of("show", "20261122", "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(2);
    assertThat(output.err()).contains("'20261122' begins 2 ids").contains(ID);
  }

  @Test
  void shouldNameSomeOfManyIdsThatBeginSo() {
    api.answer("GET /api/v1/experiments", 200, list("a1", "a2", "a3", "a4", "a5", "a6"));

    CommandOutput output = CommandOutput.of("show", "a", "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(2);
    assertThat(output.err())
        .contains("'a' begins more than 5 ids: a1, a2, a3, a4, a5, …. Write more of the one");
  }

  @Test
  void shouldTellThatAnExperimentIsPausedInAListAndAlone() {
    api.answer(
        "GET /api/v1/experiments",
        200,
        list(ID).replace("\"distances\"", "\"paused\": true, \"distances\""));
    api.answer(
        "GET " + EXPERIMENT,
        200,
        experiment("TRAINING_STUDENTS", NOTHING_YET + ", \"paused\": true"));

    assertThat(CommandOutput.of("ls", "--url", api.url()).out()).contains("DONE, paused");
    assertThat(CommandOutput.of("show", ID, "--url", api.url()).out())
        .startsWith(ID + "  demo  TRAINING_STUDENTS, paused: ./atelier resume " + ID);
  }

  @Test
  void shouldPrintTheSpecAloneAsYamlThatCanBeLaunched() throws Exception {
    String spec =
        "{\"name\": \"1e3: [\\n\", \"seed\": 1, \"labels\": {\"a: b\": \"\"}, \"p\": [0.5]}";
    api.answer(
        "GET " + EXPERIMENT,
        200,
        experiment("DONE", NOTHING_YET).replace("\"spec\": {}", "\"spec\": " + spec));

    CommandOutput output = CommandOutput.of("show", ID, "--spec", "--url", api.url());

    assertThat(new YAMLMapper().readTree(output.out()))
        .isEqualTo(new ObjectMapper().readTree(spec));
  }

  @Test
  void shouldSayOnceWhereADocumentIsNoYaml() throws Exception {
    String sentence = "The document is not YAML (line 1, column 8): no.\\n  name: [\\n         ^";
    api.answer(
        "POST /api/v1/experiments",
        400,
        "{\"detail\": \"%1$s\", \"faults\": [{\"field\": \"\", \"message\": \"%1$s\"}]}"
            .formatted(sentence));
    Path spec = Files.writeString(folder.resolve("spec.yaml"), "name: [");

    CommandOutput output = CommandOutput.of("launch", spec.toString(), "--url", api.url());

    assertThat(output.err())
        .isEqualToNormalizingNewlines(
            """
            The document is not YAML (line 1, column 8): no.
              name: [
                     ^
            """);
  }

  @Test
  void shouldSayWhyThereIsNoReportWhenTheExperimentHasEnded() {
    api.answer("GET " + EXPERIMENT, 200, experiment("FAILED", NOTHING_YET));
    assertThat(CommandOutput.of("report", ID, "--url", api.url()).err())
        .contains("has no report: it is FAILED, and ended before one was written.");
    assertThat(CommandOutput.of("samples", ID, "--url", api.url()).err())
        .contains("has no samples: it is FAILED.");
    assertThat(CommandOutput.of("export", ID, "--to", folder.toString(), "--url", api.url()).err())
        .contains("has no files: it is FAILED.");
  }

  @Test
  void shouldTakeTheNewestWhenAskedForTheLatest() {
    api.answer("GET /api/v1/experiments", 200, list(ID, "20260101-000000-aaaa"));
    api.answer("POST " + EXPERIMENT + "/cancel", 202, "{}");

    CommandOutput output = CommandOutput.of("cancel", "latest", "--url", api.url());

    assertThat(output.exitCode()).isZero();
    assertThat(output.out()).contains(ID);
  }

  @Test
  void shouldSucceedOnlyWhenTheWatchedExperimentIsDone() {
    api.answer("GET " + EXPERIMENT, 200, experiment("TRAINING_STUDENTS", NOTHING_YET));
    api.answer("GET " + EXPERIMENT, 200, experiment("DONE", EVALUATIONS));

    CommandOutput done = CommandOutput.of("watch", ID, "--url", api.url());

    assertThat(done.exitCode()).isZero();
    assertThat(done.out())
        .containsSubsequence("TRAINING_STUDENTS", "student-1 10/40  loss 1.500", "DONE", "11.47")
        .doesNotContain("\u001b");

    String failed =
        experiment(
            "FAILED",
            NOTHING_YET
                + ", \"error\": {\"type\": \"DATASET_CORRUPT\", \"message\": \"No image in X.\"}");
    try (StubApi other = new StubApi().answer("GET " + EXPERIMENT, 200, failed)) {
      CommandOutput output = CommandOutput.of("watch", ID, "--url", other.url());
      assertThat(output.exitCode()).isEqualTo(1);
      assertThat(output.out()).contains("DATASET_CORRUPT: No image in X.");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void shouldRetryAStudentByItsNumberWithOverrides() {
    api.answer("POST " + EXPERIMENT + "/models/student-2/retry", 202, "{}");

    CommandOutput output =
        CommandOutput.of(
            "retry", ID, "2", "--learning-rate", "1e-4", "--steps", "50", "--url", api.url());

    assertThat(output.exitCode()).isZero();
    assertThat(api.asked().get(0).body()).isEqualTo("{\"learningRate\":1.0E-4,\"steps\":50}");
  }

  @Test
  void shouldAskForWhatTheCommandSaysUnderAKeyOfItsOwn() {
    String model = EXPERIMENT + "/models/student-2/";
    for (String path :
        List.of(
            EXPERIMENT + "/pause",
            EXPERIMENT + "/resume",
            EXPERIMENT + "/evaluation/rerun",
            model + "cancel",
            model + "extend",
            model + "replace")) {
      api.answer("POST " + path, 202, "{}");
    }

    for (List<String> command :
        List.of(
            List.of("pause", ID),
            List.of("resume", ID),
            List.of("reevaluate", ID),
            List.of("cancel", ID, "2"),
            List.of("extend", ID, "2", "--steps", "500"),
            List.of(
                "replace", ID, "2", "--set", "training.steps=7", "--set", "network.channels=64"))) {
      List<String> words = new ArrayList<>(command);
      words.addAll(List.of("--url", api.url()));
      CommandOutput output = CommandOutput.of(words.toArray(String[]::new));
      assertThat(output.err()).isEmpty();
      assertThat(output.exitCode()).isZero();
      assertThat(output.out()).contains(ID);
    }

    assertThat(api.asked())
        .extracting(StubApi.Asked::uri)
        .containsExactly(
            EXPERIMENT + "/pause",
            EXPERIMENT + "/resume",
            EXPERIMENT + "/evaluation/rerun",
            model + "cancel",
            model + "extend",
            model + "replace");
    assertThat(api.asked().get(4).body()).isEqualTo("{\"steps\":500}");
    assertThat(api.asked().get(5).body()).contains("steps: 7", "channels: 64");
    assertThat(api.asked())
        .extracting(asked -> asked.idempotencyKey().orElseThrow())
        .doesNotHaveDuplicates();
  }

  @Test
  void shouldAskAgainUnderTheSameKeyWhenTheServerIsNotReady() {
    api.answer("POST " + EXPERIMENT + "/pause", 503, "{\"detail\": \"No worker answered.\"}");
    api.answer("POST " + EXPERIMENT + "/pause", 202, "{}");

    CommandOutput output = CommandOutput.of("pause", ID, "--url", api.url());

    assertThat(output.exitCode()).isZero();
    assertThat(api.asked()).hasSize(2);
    assertThat(api.asked().get(0).idempotencyKey())
        .isPresent()
        .isEqualTo(api.asked().get(1).idempotencyKey());
  }

  @Test
  void shouldNotAskAgainWhenTheServerRefuses() {
    api.answer(
        "POST " + EXPERIMENT + "/pause",
        409,
        "{\"detail\": \"Cannot pause the experiment: it is paused.\"}");

    CommandOutput output = CommandOutput.of("pause", ID, "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(3);
    assertThat(output.err()).contains("Cannot pause the experiment: it is paused.");
    assertThat(api.asked()).hasSize(1);
  }

  @Test
  void shouldSayThatTheWatchedExperimentIsPausedAndFailWhenItEndsPartial() {
    api.answer(
        "GET " + EXPERIMENT,
        200,
        experiment("TRAINING_STUDENTS", NOTHING_YET + ", \"paused\": true"));
    api.answer("GET " + EXPERIMENT, 200, experiment("PARTIAL", EVALUATIONS));

    CommandOutput output = CommandOutput.of("watch", ID, "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.out())
        .containsSubsequence("TRAINING_STUDENTS, paused: ./atelier resume " + ID, "PARTIAL");
  }

  @Test
  void shouldExportFilesThatMatchTheirChecksums() throws Exception {
    api.answer("GET " + EXPERIMENT, 200, experiment("DONE", artifact("teacher.pt", "weights")));
    api.answer("GET /files/teacher.pt", 200, "weights");

    CommandOutput output =
        CommandOutput.of(
            "export", ID, "--to", folder.resolve("out").toString(), "--url", api.url());

    assertThat(output.err()).isEmpty();
    assertThat(folder.resolve("out/teacher.pt")).hasContent("weights");
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 2 << 20})
  void shouldWriteFoldersAndFetchWhatHasTwoNamesOnce(int bytes) throws Exception {
    String weights = "w".repeat(bytes);
    api.answer(
        "GET " + EXPERIMENT,
        200,
        experiment(
            "DONE",
            artifacts(
                artifact("a.safetensors", weights, "/files/once"),
                artifact("a/unet/a.safetensors", weights, "/files/never"))));
    api.answer("GET /files/once", 200, weights);

    CommandOutput output =
        CommandOutput.of("export", ID, "--to", folder.toString(), "--url", api.url());

    assertThat(output.err()).isEmpty();
    assertThat(folder.resolve("a.safetensors")).hasContent(weights);
    assertThat(folder.resolve("a/unet/a.safetensors")).hasContent(weights);
    assertThat(folder.resolve("a/unet")).isDirectoryNotContaining("glob:**.part");
  }

  @Test
  void shouldKeepNothingOfAFileWithAnotherChecksum() throws Exception {
    api.answer("GET " + EXPERIMENT, 200, experiment("DONE", artifact("teacher.pt", "weights")));
    api.answer("GET /files/teacher.pt", 200, "weightz");

    CommandOutput output =
        CommandOutput.of("export", ID, "--to", folder.toString(), "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.err())
        .contains("Cannot export 'teacher.pt': expected sha256 " + sha256("weights"))
        .contains("found " + sha256("weightz"));
    assertThat(folder).isEmptyDirectory();
  }

  @ParameterizedTest
  @ValueSource(strings = {"../evil", "a/../../evil", "a/../b", "/tmp/evil", "", "."})
  void shouldRefuseAFileNameThatLeadsElsewhere(String name) throws Exception {
    api.answer("GET " + EXPERIMENT, 200, experiment("DONE", artifact(name, "weights")));

    CommandOutput output =
        CommandOutput.of(
            "export", ID, "--to", folder.resolve("out").toString(), "--url", api.url());

    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.err()).contains("'%s' is not a plain file name.".formatted(name));
    assertThat(folder.resolve("evil")).doesNotExist();
  }

  @Test
  void shouldExplainUsageWhenACommandIsUnknown() {
    CommandOutput output = CommandOutput.of("lauch");

    assertThat(output.exitCode()).isEqualTo(2);
    assertThat(output.err()).contains("lauch").contains("Did you mean").contains("launch");
  }

  private static String list(String... ids) {
    return "{\"items\": [%s]}"
        .formatted(
            String.join(
                ",",
                Arrays.stream(ids)
                    .map(
                        id ->
                            """
                            {"id": "%s", "name": "demo", "stage": "DONE", "students": 2,
                             "step": 1, "totalSteps": 1, "distances": {},
                             "createdAt": "2026-11-22T23:05:13Z"}\
                            """
                                .formatted(id))
                    .toList()));
  }

  private static String artifact(String name, String content) throws Exception {
    return artifacts(artifact(name, content, "/files/teacher.pt"));
  }

  private static String artifact(String name, String content, String href) throws Exception {
    return """
    {"name": "%s", "kind": "export", "bytes": %d, "sha256": "%s", "href": "%s"}\
    """
        .formatted(name, content.length(), sha256(content), href);
  }

  private static String artifacts(String... each) {
    return ", \"evaluations\": [], \"artifacts\": [%s]".formatted(String.join(", ", each));
  }

  private static String sha256(String text) throws Exception {
    return HexFormat.of()
        .formatHex(
            MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
  }
}
