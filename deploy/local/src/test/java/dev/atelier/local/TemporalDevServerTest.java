package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.spec.SchedulingSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.DistillationWorkflowImpl;
import dev.atelier.workflows.ErrorType;
import dev.atelier.workflows.FoundBy;
import dev.atelier.workflows.TaskQueues;
import io.temporal.activity.Activity;
import io.temporal.activity.DynamicActivity;
import io.temporal.api.common.v1.Priority;
import io.temporal.api.enums.v1.VersioningBehavior;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.history.v1.WorkflowTaskCompletedEventAttributes;
import io.temporal.api.workflowservice.v1.DescribeWorkerDeploymentRequest;
import io.temporal.api.workflowservice.v1.SetWorkerDeploymentCurrentVersionRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.WorkerDeploymentVersion;
import io.temporal.common.converter.EncodedValues;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerDeploymentOptions;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the server in memory lacks, on the real one. */
@RequiresProgram("temporal")
@Timeout(600)
class TemporalDevServerTest {

  private static final String NAMESPACE = TemporalService.NAMESPACE;
  private static final String DEPLOYMENT = "atelier";

  private static DataDirectory directory;
  private static Supervisor supervisor;
  private static WorkflowServiceStubs temporal;
  private static WorkflowClient client;

  @BeforeAll
  static void start(@TempDir Path folder) throws Exception {
    directory = DataDirectory.open(folder);
    supervisor = new Supervisor(directory, notice -> {});
    supervisor.prepare();
    TemporalService server =
        new TemporalService(
            Programs.find("temporal"), directory, Ports.anyFree(), Ports.HOST, Ports.anyFree());
    supervisor.start(List.of(server));
    temporal =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(server.target()).build());
    client = WorkflowClient.newInstance(temporal);
  }

  @AfterAll
  static void stop() throws Exception {
    temporal.shutdownNow();
    supervisor.close();
    directory.close();
  }

  /** An experiment whose extractor is wrong: it ends soon. */
  private static ExperimentSpec spec(String name) {
    return ExperimentSpecBuilder.builder()
        .name(name)
        .labels(Map.of("team", "vision"))
        .scheduling(new SchedulingSpec(2, Optional.of("vision"), 4.0))
        .build();
  }

  private static WorkflowStub launch(String id) {
    ExperimentSpec spec = spec(id);
    WorkflowStub workflow =
        client.newUntypedWorkflowStub(
            "DistillationWorkflow",
            WorkflowOptions.newBuilder()
                .setTaskQueue(TaskQueues.LIGHT)
                .setWorkflowId(DistillationWorkflow.workflowId(id))
                .setTypedSearchAttributes(FoundBy.of(spec, Optional.empty()))
                .build());
    workflow.start(new DistillationWorkflow.Input(id, spec));
    return workflow;
  }

  private static WorkerFactory worker(WorkerOptions options) {
    WorkerFactory factory = WorkerFactory.newInstance(client);
    Worker light = factory.newWorker(TaskQueues.LIGHT, options);
    light.registerWorkflowImplementationTypes(DistillationWorkflowImpl.class);
    light.registerActivitiesImplementations(new WrongExtractor());
    TaskQueues.OF_LONGER_WORK.forEach(
        queue ->
            factory
                .newWorker(queue, options)
                .registerActivitiesImplementations(new WrongExtractor()));
    factory
        .newWorker(TaskQueues.compute("cpu"), options)
        .registerActivitiesImplementations(new WrongExtractor());
    factory.start();
    return factory;
  }

  private static WorkerOptions version(String buildId) {
    return WorkerOptions.newBuilder()
        .setDeploymentOptions(
            WorkerDeploymentOptions.newBuilder()
                .setUseVersioning(true)
                .setDefaultVersioningBehavior(io.temporal.common.VersioningBehavior.AUTO_UPGRADE)
                .setVersion(new WorkerDeploymentVersion(DEPLOYMENT, buildId))
                .build())
        .build();
  }

  @Test
  void shouldFindAnExperimentByItsStageAndLabelsAndTellItsPriority() {
    WorkerFactory worker = worker(version("found"));
    try {
      makeCurrent("found"); // a server that once had a current version gives others no work
      WorkflowStub workflow = launch("found");
      assertThatThrownBy(() -> workflow.getResult(Void.class))
          .isInstanceOf(WorkflowFailedException.class)
          .hasStackTraceContaining("EXTRACTOR_INVALID");

      await(
          () ->
              client
                  .listExecutions(
                      "AtelierStage = 'FAILED' and AtelierLabels = 'team:vision' and AtelierStudents = 4 and AtelierName = 'found'")
                  .map(found -> found.getExecution().getWorkflowId())
                  .toList()
                  .equals(List.of("experiment-found")));
      Priority priority =
          client.fetchHistory("experiment-found").getEvents().stream()
              .filter(HistoryEvent::hasActivityTaskScheduledEventAttributes)
              .map(HistoryEvent::getActivityTaskScheduledEventAttributes)
              .filter(a -> a.getTaskQueue().getName().equals(TaskQueues.compute("cpu")))
              .findFirst()
              .orElseThrow()
              .getPriority();
      assertThat(priority)
          .isEqualTo(
              Priority.newBuilder()
                  .setPriorityKey(2)
                  .setFairnessKey("vision")
                  .setFairnessWeight(4)
                  .build());
    } finally {
      worker.shutdownNow();
    }
  }

  @Test
  void shouldGiveWorkToTheCurrentVersionAlone() {
    WorkerFactory old = worker(version("1"));
    WorkerFactory fresh = worker(version("2"));
    try {
      for (String buildId : List.of("1", "2", "1")) {
        makeCurrent(buildId);
        WorkflowStub workflow = launch("versioned-" + System.nanoTime());
        assertThatThrownBy(() -> workflow.getResult(Void.class))
            .isInstanceOf(WorkflowFailedException.class);
        List<WorkflowTaskCompletedEventAttributes> tasks =
            client.fetchHistory(workflow.getExecution().getWorkflowId()).getEvents().stream()
                .filter(HistoryEvent::hasWorkflowTaskCompletedEventAttributes)
                .map(HistoryEvent::getWorkflowTaskCompletedEventAttributes)
                .toList();
        assertThat(tasks)
            .isNotEmpty()
            .allMatch(t -> t.getDeploymentVersion().getBuildId().equals(buildId))
            .allMatch(
                t ->
                    t.getVersioningBehavior()
                        == VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE);
      }
    } finally {
      old.shutdownNow();
      fresh.shutdownNow();
    }
  }

  /** As {@code temporal worker deployment set-current-version} does. */
  private static void makeCurrent(String buildId) {
    await(
        () ->
            temporal
                .blockingStub()
                .describeWorkerDeployment(
                    DescribeWorkerDeploymentRequest.newBuilder()
                        .setNamespace(NAMESPACE)
                        .setDeploymentName(DEPLOYMENT)
                        .build())
                .getWorkerDeploymentInfo()
                .getVersionSummariesList()
                .stream()
                .anyMatch(v -> v.getDeploymentVersion().getBuildId().equals(buildId)));
    temporal
        .blockingStub()
        .setWorkerDeploymentCurrentVersion(
            SetWorkerDeploymentCurrentVersionRequest.newBuilder()
                .setNamespace(NAMESPACE)
                .setDeploymentName(DEPLOYMENT)
                .setBuildId(buildId)
                .setIgnoreMissingTaskQueues(true)
                .build());
  }

  private static void await(BooleanSupplier condition) {
    while (!holds(condition)) {
      try {
        Thread.sleep(100);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static boolean holds(BooleanSupplier condition) {
    try {
      return condition.getAsBoolean();
    } catch (io.grpc.StatusRuntimeException e) {
      return false; // such as a deployment that no worker has named yet
    }
  }

  /** Prepares the dataset, and finds that the extractor is wrong. */
  private static final class WrongExtractor implements DynamicActivity {

    @Override
    public Object execute(EncodedValues arguments) {
      String type = Activity.getExecutionContext().getInfo().getActivityType();
      return switch (type) {
        case "PrepareDataset" -> new DatasetRef("d".repeat(64), 100, 8, 3, 0, 0);
        case "PrepareExtractor" ->
            throw ErrorType.EXTRACTOR_INVALID.failure("It is no network.", 1);
        case "TakeTurn", "RecordStage", "ReturnTurns" -> "";
        default -> throw new IllegalArgumentException(type);
      };
    }
  }
}
