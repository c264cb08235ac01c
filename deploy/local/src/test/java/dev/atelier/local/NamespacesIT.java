package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.util.Durations;
import dev.atelier.deploy.RequiresProgram;
import dev.atelier.workflows.DistillationWorkflow;
import io.grpc.StatusRuntimeException;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.workflowservice.v1.RegisterNamespaceRequest;
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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two installations on one Temporal server, each with a namespace, a database and a bucket of its
 * own and the same task queues: neither does, sees or ends the other's work.
 */
@RequiresProgram("temporal")
@Timeout(1800)
class NamespacesIT {

  private static final Duration PATIENCE = Duration.ofMinutes(5); // ends a hung test, no more
  private static final String SECOND = "second";

  private static final String SPEC =
      """
      name: a tenant's
      dataset: {source: "shapes?count=256&seed=1", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 10, batchSize: 4, warmupSteps: 5}
      students:
        count: 1
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 10, batchSize: 4, warmupSteps: 5}
      evaluation: {samples: 200, batchSize: 50, gridRows: 2, gridColumns: 2, sampler: {steps: 2, spacing: uniform}}
      """;

  private final HttpClient http = HttpClient.newHttpClient();

  @Test
  void shouldKeepTheTenantsOfOneServerApart(@TempDir Path folder) throws Exception {
    try (ProductionPrograms programs = new ProductionPrograms(folder)) {
      String target = Ports.HOST + ":" + programs.ports().temporal();
      register(target);
      programs.execute("create database " + SECOND);
      String database = programs.postgres().replaceFirst("/[^/]*$", "/" + SECOND);
      Map<String, String> second =
          Map.of("ATELIER_TEMPORAL_NAMESPACE", SECOND, "ATELIER_S3_BUCKET", SECOND);

      URI firstApi = programs.api(Map.of());
      URI secondApi = programs.api(with(second, "QUARKUS_DATASOURCE_JDBC_URL", database));
      programs.worker("of-second", with(second, "ATELIER_DATABASE_URL", database));
      String first = launch(firstApi);
      String other = launch(secondApi);
      awaitDone(secondApi, other);

      // The same queues, and a worker that is idle: it has not touched the first one's.
      assertThat(types(target, "default", first))
          .containsOnly("WORKFLOW_EXECUTION_STARTED", "WORKFLOW_TASK_SCHEDULED");
      assertThat(get(firstApi, "/api/v1/experiments")).contains(first).doesNotContain(other);
      assertThat(get(secondApi, "/api/v1/experiments")).contains(other).doesNotContain(first);
      assertThat(post(secondApi, "/api/v1/experiments/%s/cancel".formatted(first), "").statusCode())
          .isEqualTo(404);

      programs.worker("of-first", Map.of());
      awaitDone(firstApi, first);
      Waiting.until( // the stage is written a little before the workflow ends
          () -> types(target, "default", first).contains("WORKFLOW_EXECUTION_COMPLETED"), PATIENCE);
    }
  }

  private static Map<String, String> with(Map<String, String> settings, String name, String value) {
    Map<String, String> all = new HashMap<>(settings);
    all.put(name, value);
    return all;
  }

  /** As {@code temporal operator namespace create} does; returns once the server knows it. */
  private static void register(String target) throws Exception {
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget(target)
                .validateAndBuildWithDefaults());
    try {
      stubs
          .blockingStub()
          .registerNamespace(
              RegisterNamespaceRequest.newBuilder()
                  .setNamespace(SECOND)
                  .setWorkflowExecutionRetentionPeriod(Durations.fromDays(1))
                  .build());
    } finally {
      stubs.shutdownNow();
    }
    Waiting.until(
        () -> {
          try {
            TemporalProbe.requireNamespace(target, SECOND);
            return true;
          } catch (StatusRuntimeException e) {
            return false; // not yet
          }
        });
  }

  private String launch(URI api) throws Exception {
    HttpResponse<String> answer = post(api, "/api/v1/experiments", SPEC);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return new ObjectMapper().readTree(answer.body()).get("id").asText();
  }

  private HttpResponse<String> post(URI api, String path, String body) throws Exception {
    return http.send(
        HttpRequest.newBuilder(api.resolve(path))
            .header("Content-Type", "application/yaml")
            .POST(BodyPublishers.ofString(body))
            .build(),
        BodyHandlers.ofString());
  }

  private String get(URI api, String path) throws Exception {
    return http.send(HttpRequest.newBuilder(api.resolve(path)).build(), BodyHandlers.ofString())
        .body();
  }

  private void awaitDone(URI api, String id) throws Exception {
    Waiting.until(
        () -> {
          String stage =
              new ObjectMapper()
                  .readTree(get(api, "/api/v1/experiments/" + id))
                  .get("stage")
                  .asText();
          assertThat(stage).isNotIn("FAILED", "PARTIAL", "AWAITING_RETRY");
          return stage.equals("DONE");
        },
        PATIENCE);
  }

  private static List<String> types(String target, String namespace, String experiment) {
    return RawHistory.of(target, namespace, DistillationWorkflow.workflowId(experiment)).stream()
        .map(HistoryEvent::getEventType)
        .map(type -> type.name().replace("EVENT_TYPE_", ""))
        .toList();
  }
}
