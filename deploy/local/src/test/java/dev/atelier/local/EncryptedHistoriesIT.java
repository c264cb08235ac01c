package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.connection.PayloadEncryption;
import io.temporal.api.common.v1.Payloads;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.common.converter.DataConverter;
import io.temporal.payload.codec.PayloadCodecException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A stack whose keys encrypt what workflows hold: an experiment with a model that fails is retried
 * and ends, and the server has nothing of its spec.
 */
@RequiresProgram({"chromium", "temporal"})
@Timeout(1800)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EncryptedHistoriesIT {

  private static final Duration PATIENCE = Duration.ofMinutes(5); // ends a hung test, no more

  // Figures that nothing else has; student 1 cannot but diverge.
  private static final String TEACHERS_RATE = "0.00123457";
  private static final String SPEC =
      """
      name: kept from the server
      dataset: {source: "shapes?count=256&seed=1", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 10, batchSize: 4, warmupSteps: 5, learningRate: %s}
      students:
        count: 1
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 10, batchSize: 4, warmupSteps: 5, learningRate: 1.0e+30}
      evaluation: {samples: 200, batchSize: 50, gridRows: 2, gridColumns: 2, sampler: {steps: 2, spacing: uniform}}
      """
          .formatted(TEACHERS_RATE);

  // Of the spec, of a failure's message, of the workflow's own details.
  private static final List<String> SENTENCES =
      List.of(TEACHERS_RATE, "diverged at step", "students of a teacher on");

  private final HttpClient http = HttpClient.newHttpClient();
  private Path keys;
  private LocalStack stack;
  private Endpoints endpoints;
  private String id;
  private List<HistoryEvent> history;

  @BeforeAll
  void run(@TempDir Path directory) throws Exception {
    keys = keys(directory.resolve("keys"), "k2", 2, "k1", 1);
    stack = StackUnderTest.prepare(directory.resolve("data"), Optional.of(keys));
    endpoints = stack.start();
    id = launch(SPEC);
    await("AWAITING_RETRY");
    post(
        "/api/v1/experiments/%s/models/student-1/retry".formatted(id),
        "{\"learningRate\": 0.001}",
        202);
    await("DONE");
    history = history(id);
  }

  @AfterAll
  void stop() {
    stack.close();
  }

  private static Path keys(Path file, Object... idsAndBytes) throws Exception {
    StringBuilder lines = new StringBuilder("# the first encrypts\n");
    for (int i = 0; i < idsAndBytes.length; i += 2) {
      byte[] key = new byte[32];
      Arrays.fill(key, ((Integer) idsAndBytes[i + 1]).byteValue());
      lines.append(idsAndBytes[i]).append(' ').append(Base64.getEncoder().encodeToString(key));
      lines.append('\n');
    }
    Files.writeString(file, lines);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  private List<HistoryEvent> history(String experiment) {
    return RawHistory.of(
        endpoints.temporalTarget(),
        TemporalService.NAMESPACE,
        DistillationWorkflow.workflowId(experiment));
  }

  private String launch(String spec) throws Exception {
    return new ObjectMapper().readTree(post("/api/v1/experiments", spec, 202)).get("id").asText();
  }

  private String post(String path, String body, int expected) throws Exception {
    HttpResponse<String> answer =
        http.send(
            StackUnderTest.request(endpoints, path)
                .header("Content-Type", "application/yaml")
                .POST(BodyPublishers.ofString(body))
                .build(),
            BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(expected);
    return answer.body();
  }

  private void await(String stage) throws Exception {
    Waiting.until(
        () -> {
          String body =
              http.send(
                      StackUnderTest.request(endpoints, "/api/v1/experiments/" + id).build(),
                      BodyHandlers.ofString())
                  .body();
          String found = new ObjectMapper().readTree(body).get("stage").asText();
          assertThat(found).as(body).isNotIn("FAILED", "PARTIAL", "CANCELED");
          return found.equals(stage);
        },
        PATIENCE);
  }

  private static Payloads input(List<HistoryEvent> history) {
    return history.get(0).getWorkflowExecutionStartedEventAttributes().getInput();
  }

  private static String rateOf(DataConverter converter, Payloads input) {
    return converter
        .fromPayloads(
            0,
            Optional.of(input),
            DistillationWorkflow.Input.class,
            DistillationWorkflow.Input.class)
        .spec()
        .teacher()
        .training()
        .learningRate()
        .toString();
  }

  @Test
  void shouldLeaveTheServerNothingOfASpecOrAFailure(@TempDir Path folder) throws Exception {
    String text = RawHistory.text(history);
    for (String sentence : SENTENCES) {
      assertThat(text).as(sentence).doesNotContain(sentence);
    }
    assertThat(text).contains("binary/encrypted", "k2", "DIVERGED"); // types are no secret

    Path plainData = folder.resolve("plain");
    try (LocalStack plain = StackUnderTest.prepare(plainData)) {
      Endpoints before = endpoints;
      String encrypted = id;
      endpoints = plain.start();
      try {
        id = launch(SPEC);
        await("AWAITING_RETRY");
        String open = RawHistory.text(history(id));
        for (String sentence : SENTENCES) {
          assertThat(open).as("without keys").contains(sentence);
        }
      } finally {
        endpoints = before;
        id = encrypted;
      }
    }
  }

  @Test
  void shouldShowTheWebUiToTheUserOfTheDashboardAsIfNothingWereEncrypted() throws Exception {
    String page =
        endpoints.temporalWebUi().orElseThrow()
            + "/namespaces/%s/workflows/%s/%s/history"
                .formatted(
                    TemporalService.NAMESPACE,
                    DistillationWorkflow.workflowId(id),
                    history
                        .get(0)
                        .getWorkflowExecutionStartedEventAttributes()
                        .getOriginalExecutionRunId());
    String refusal = "Codec Server could not connect";
    String source = "shapes?count=256&seed=1"; // of the input
    try (Browser browser =
        new Browser(
            Programs.find("chromium").orElseThrow(),
            Programs.find("chromedriver").orElseThrow(),
            Path.of("target/encrypted"))) {
      browser.open(page); // nobody's
      browser.await("main", "DistillationWorkflow");
      browser.await("body", refusal);
      browser.picture("web-ui-of-a-stranger");
      assertThat(browser.await("body").getText()).doesNotContain(source);

      browser.open(StackUnderTest.browserLink(endpoints));
      browser.await("main", "kept from the server");
      browser.open(page);
      browser.await("body", source);
      browser.picture("web-ui-of-the-user");
      assertThat(browser.await("body").getText()).doesNotContain(refusal);
    }
  }

  @Test
  void shouldSayWhichKeyIsMissing(@TempDir Path folder) throws Exception {
    DataConverter right = PayloadEncryption.of(Optional.of(keys)).dataConverter();
    assertThat(Double.parseDouble(rateOf(right, input(history))))
        .isEqualTo(Double.parseDouble(TEACHERS_RATE));
    DataConverter none = PayloadEncryption.of(Optional.empty()).dataConverter();
    assertThatThrownBy(() -> rateOf(none, input(history)))
        .isInstanceOf(PayloadCodecException.class)
        .hasMessageContaining("the key 'k2', and this program has no keys");
    Path others = keys(folder.resolve("keys"), "k2", 7);
    DataConverter wrong = PayloadEncryption.of(Optional.of(others)).dataConverter();
    assertThatThrownBy(() -> rateOf(wrong, input(history)))
        .isInstanceOf(PayloadCodecException.class)
        .hasMessageContaining("the key 'k2', but another than that of");
  }
}
