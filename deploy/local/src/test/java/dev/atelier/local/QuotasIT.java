package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.RequiresProgram;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two workers and two experiments of a project that may use one device: one works, the other waits
 * and says why, and goes on by itself.
 */
@RequiresProgram("temporal")
@Timeout(1800)
class QuotasIT {

  private static final Duration PATIENCE = Duration.ofMinutes(10); // ends a hung test, no more

  private static final String SPEC =
      """
      name: bounded
      reuse: never
      dataset: {source: "shapes?count=256&seed=%d", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: %d, batchSize: 4, warmupSteps: 5}
      students:
        count: 2
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 10, batchSize: 4, warmupSteps: 5}
      evaluation: {samples: 200, batchSize: 50, gridRows: 2, gridColumns: 2, sampler: {steps: 2, spacing: uniform}}
      """;

  private final HttpClient http = HttpClient.newHttpClient();
  private URI api;

  @Test
  void shouldHaveTheSecondExperimentWaitForTheOnlyDeviceAndGoOnByItself(@TempDir Path folder)
      throws Exception {
    try (ProductionPrograms programs = new ProductionPrograms(folder)) {
      api = programs.api(Map.of());
      programs.worker("first", Map.of());
      programs.worker("second", Map.of());
      Waiting.until(() -> get("/api/v1/workers").path("items").size() == 2, PATIENCE);
      assertThat(put("/api/v1/projects/default/quota", "{devicesAtOnce: 1}").statusCode())
          .isEqualTo(200);

      String endless = launch(1, 10_000_000);
      Waiting.until(() -> trains(endless), PATIENCE);
      String second = launch(2, 10);
      Waiting.until(() -> !waits(second).isEmpty(), PATIENCE);
      assertThat(waits(second))
          .singleElement()
          .asString()
          .startsWith("Project 'default' may use 1 device(s) at once; 1 of its pieces of work have")
          .endsWith("waits until one is free.");
      assertThat(atWork()).isEqualTo(1);
      assertThat(get("/api/v1/projects/default/quota").path("used").path("waiting").asInt())
          .isEqualTo(1);
      String target = Ports.HOST + ":" + programs.ports().temporal();
      Waiting.until(
          () -> pending(target, second).toString().contains("may use 1 device(s) at once"),
          PATIENCE);
      assertThat(pending(target, second))
          .extracting(activity -> activity.getActivityType().getName())
          .containsExactly("TakeTurn"); // nothing that a device or its queue would hold
      assertThat(get("/api/v1/experiments/%s/events".formatted(second)).toString())
          .contains("turn-awaited");

      assertThat(post("/api/v1/experiments/%s/cancel".formatted(endless), "").statusCode())
          .isEqualTo(202);
      Waiting.until(
          () -> {
            assertThat(atWork()).isLessThanOrEqualTo(1); // also where it has two students
            String stage = get("/api/v1/experiments/" + second).path("stage").asText();
            assertThat(stage).isNotIn("FAILED", "PARTIAL", "AWAITING_RETRY");
            return stage.equals("DONE");
          },
          PATIENCE);
      JsonNode used = get("/api/v1/projects/default/quota").path("used");
      assertThat(used.path("devices").asInt()).isZero();
      assertThat(used.path("cpuHours").asDouble()).isPositive();
      assertThat(get("/api/v1/projects/default/usage").path("items").size()).isPositive();

      // Without hours nothing new begins, and what waits goes on once there are more.
      assertThat(put("/api/v1/projects/default/quota", "{cpuHoursPerMonth: 0}").statusCode())
          .isEqualTo(200);
      HttpResponse<String> refused = post("/api/v1/experiments", SPEC.formatted(3, 10));
      assertThat(refused.statusCode()).isEqualTo(409);
      assertThat(refused.body()).contains("may use 0.00 CPU-hours a month and has used");
      assertThat(put("/api/v1/projects/default/quota", "{}").statusCode()).isEqualTo(200);
      launch(3, 10);
    }
  }

  /** Devices at work, of which each worker says so itself, whoever let it begin. */
  private int atWork() throws Exception {
    return get("/api/v1/projects/default/quota").path("used").path("devices").asInt();
  }

  private boolean trains(String id) throws Exception {
    return get("/api/v1/experiments/" + id).path("models").get(0).path("step").asInt() > 0;
  }

  private List<String> waits(String id) throws Exception {
    List<String> waits = new ArrayList<>();
    for (JsonNode warning : get("/api/v1/experiments/" + id).path("warnings")) {
      if (warning.asText().startsWith("Project '")) {
        waits.add(warning.asText());
      }
    }
    return waits;
  }

  private static List<PendingActivityInfo> pending(String target, String experiment) {
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget(target)
                .validateAndBuildWithDefaults());
    try {
      return stubs
          .blockingStub()
          .describeWorkflowExecution(
              DescribeWorkflowExecutionRequest.newBuilder()
                  .setNamespace("default")
                  .setExecution(
                      WorkflowExecution.newBuilder().setWorkflowId("experiment-" + experiment))
                  .build())
          .getPendingActivitiesList();
    } finally {
      stubs.shutdownNow();
    }
  }

  private String launch(int seed, int teacherSteps) throws Exception {
    HttpResponse<String> answer = post("/api/v1/experiments", SPEC.formatted(seed, teacherSteps));
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return new ObjectMapper().readTree(answer.body()).get("id").asText();
  }

  private HttpResponse<String> post(String path, String body) throws Exception {
    return send("POST", path, body);
  }

  private HttpResponse<String> put(String path, String body) throws Exception {
    return send("PUT", path, body);
  }

  private HttpResponse<String> send(String method, String path, String body) throws Exception {
    return http.send(
        HttpRequest.newBuilder(api.resolve(path))
            .header("Content-Type", "application/yaml")
            .method(method, BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  private JsonNode get(String path) throws Exception {
    return new ObjectMapper()
        .readTree(
            http.send(HttpRequest.newBuilder(api.resolve(path)).build(), BodyHandlers.ofString())
                .body());
  }
}
