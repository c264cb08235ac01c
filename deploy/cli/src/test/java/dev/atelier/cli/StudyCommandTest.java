package dev.atelier.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyCommandTest {

  private static final String ID = "20261122-230513-5232ab";

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

  private static String study(String stage) {
    return """
    {"id": "%s", "name": "sweep", "question": "Do more students help?", "stage": "%s",
     "artifacts": [],
     "members": [
       {"experimentId": "e-1", "axes": [{"axis": "N", "value": "1"}], "seed": 1, "stage": "DONE",
        "step": 10, "totalSteps": 10, "reusedModels": 0, "distances": {"o2mkd": 7.25}},
       {"experimentId": "e-2", "axes": [{"axis": "N", "value": "2"}], "seed": 1, "stage": "FAILED",
        "step": 5, "totalSteps": 10, "reusedModels": 1, "distances": {}}]}
    """
        .formatted(ID, stage);
  }

  @Test
  void shouldSendTheStudyWithItsChangesAndPrintTheId() throws Exception {
    Path file = folder.resolve("sweep.yaml");
    Files.writeString(file, "name: sweep\nbase: {teacher: {training: {steps: 5}}}\n");
    api.answer("POST /api/v1/studies", 202, "{\"id\": \"%s\", \"experiments\": 2}".formatted(ID));

    CommandOutput output =
        CommandOutput.of(
            "study",
            "launch",
            file.toString(),
            "--set",
            "base.teacher.training.steps=9",
            "--idempotency-key=k",
            "--url=" + api.url());

    assertThat(output.exitCode()).isZero();
    assertThat(output.out()).isEqualToIgnoringNewLines(ID);
    assertThat(api.asked().get(0).body()).contains("steps: 9");
    assertThat(api.asked().get(0).idempotencyKey()).contains("k");
  }

  @Test
  void shouldNameTheBuiltInStudiesWhenThereIsNoneOfThatName() {
    CommandOutput output =
        CommandOutput.of("study", "launch", "no-such-study", "--url=" + api.url());
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.err()).contains("no file 'no-such-study'");
    assertThat(api.asked()).isEmpty();
  }

  @Test
  void shouldNameWhatABuiltInStudyWantsOfItsUser() throws Exception {
    String home = System.getProperty("atelier.home", "");
    System.setProperty("atelier.home", "../..");
    try {
      CommandOutput output =
          CommandOutput.of(
              "study",
              "launch",
              "lsun-church-256",
              "--size=paper",
              "--set=base.evaluation.extractor.source=/data/inception.pt",
              "--url=" + api.url());
      assertThat(output.exitCode()).isEqualTo(1);
      assertThat(output.err())
          .contains(
              "The study lsun-church-256 wants what only you have: data/church_outdoor_train_lmdb (base.dataset.source), data/ddpm-church-256 (base.teacher.source). Put it there, or say where a worker finds it: --set base.dataset.source=PATH --set base.teacher.source=PATH.");
      assertThat(api.asked()).isEmpty();

      api.answer("POST /api/v1/studies", 202, "{\"id\": \"%s\"}".formatted(ID));
      assertThat(
              CommandOutput.of(
                      "study",
                      "launch",
                      "lsun-church-256",
                      "--size=paper",
                      "--set=base.dataset.source=/data/church",
                      "--set=base.teacher.source=/data/teacher",
                      "--set=base.evaluation.extractor.source=/data/inception.pt",
                      "--url=" + api.url())
                  .exitCode())
          .isZero();
    } finally {
      if (home.isEmpty()) {
        System.clearProperty("atelier.home");
      } else {
        System.setProperty("atelier.home", home);
      }
    }
  }

  @Test
  void shouldShowEachExperimentWithItsPlaceOnTheAxes() {
    api.answer("GET /api/v1/studies/" + ID, 200, study("DONE"));
    CommandOutput output = CommandOutput.of("study", "show", ID, "--url=" + api.url());
    assertThat(output.out())
        .contains("2 of 2 experiments have ended")
        .containsPattern("e-1 +1 +1 +DONE +10/10 +0 +o2mkd 7.250")
        .containsPattern("e-2 +2 +1 +FAILED +5/10 +1");
  }

  @Test
  void shouldShowWhatBecameOfEachClaim() {
    api.answer(
        "GET /api/v1/studies/" + ID,
        200,
        study("DONE")
            .replace(
                "\"artifacts\": [],",
                """
                "artifacts": [],
                "scorecard": [
                  {"claim": "faster", "figure": 1.8, "quantity": "MACs per step: teacher / o2mkd",
                   "ours": {"seeds": 3, "mean": 1.79, "deviation": 0}, "verdict": "holds",
                   "rule": "at least 1.75"},
                  {"claim": "less memory", "figure": null, "quantity": "peak memory: o2mkd / merged",
                   "ours": {"seeds": 3, "mean": -123456789, "deviation": 1500000},
                   "verdict": "holds", "rule": "at most 0"},
                  {"claim": "better", "figure": null, "quantity": "FID: o2mkd", "ours": null,
                   "verdict": "not-measured", "rule": "at most 0"}],
                """));
    CommandOutput output = CommandOutput.of("study", "show", ID, "--url=" + api.url());
    assertThat(output.out())
        .containsPattern("faster +1.8 +1.790 +3 +holds +at least 1.75 +MACs per step")
        .containsPattern("less memory +not known to us +-123.5 ± 1.5 M +3 +holds")
        .containsPattern("better +not known to us +– +– +not measured +at most 0 +FID: o2mkd");
  }

  @Test
  void shouldSucceedOnlyWhenTheWatchedStudyIsDone() {
    api.answer("GET /api/v1/studies/" + ID, 200, study("RUNNING"));
    api.answer("GET /api/v1/studies/" + ID, 200, study("CANCELED"));
    assertThat(CommandOutput.of("study", "watch", ID, "--url=" + api.url()).exitCode())
        .isEqualTo(1);
  }

  @Test
  void shouldSayThatThereIsNoReportYet() {
    api.answer("GET /api/v1/studies/" + ID, 200, study("RUNNING"));
    CommandOutput output =
        CommandOutput.of("study", "report", ID, "--to=" + folder, "--url=" + api.url());
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.err()).contains("has no report yet: it is RUNNING");
  }
}
