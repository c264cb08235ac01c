package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.EvaluationSpecBuilder;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.SpecRules;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudentsSpec.Owner;
import dev.atelier.spec.StudentsSpec.StudentOverride;
import dev.atelier.spec.StudentsSpecBuilder;
import dev.atelier.spec.StudySpec;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.DistillationWorkflow.Input;
import dev.atelier.workflows.DistillationWorkflow.RetryRequest;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerOptions;
import io.temporal.workflow.Workflow;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The greatest experiment and the greatest study, with activities that only sleep. */
@Timeout(240)
class LimitsTest {

  // At which a Temporal cluster begins to warn; it refuses at 51,200 events, 2 MB and 50 MB.
  private static final int EVENTS = 10_240;
  private static final int PAYLOAD_BYTES = 256 * 1024;
  private static final int HISTORY_BYTES = 10 * 1024 * 1024;

  private static final int TASK_BYTES = 4 * 1024 * 1024; // refused: what one gRPC message holds

  private static final int RETRIES = 10; // each alone, so that the stage changes twice
  private static final int FURTHER_RETRIES = 90;
  private static final int EVENTS_PER_RETRY = 40; // with the failure before it, at most

  // The workflow wakes for each result, the most events there can be.
  private static final WorkerOptions ONE_AT_A_TIME =
      WorkerOptions.newBuilder()
          .setMaxConcurrentActivityExecutionSize(1)
          .setDefaultDeadlockDetectionTimeout(30_000) // a busy machine is no deadlock
          .build();

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  private final SleepingActivities activities = new SleepingActivities();
  private TestWorkflowEnvironment environment;

  @BeforeEach
  void start() {
    environment = TestWorkflowEnvironment.newInstance();
    Worker light = environment.newWorker(TaskQueues.LIGHT, ONE_AT_A_TIME);
    light.registerWorkflowImplementationTypes(DistillationWorkflowImpl.class);
    light.registerActivitiesImplementations(activities, new SleepingTurns());
    TaskQueues.OF_LONGER_WORK.forEach(
        queue ->
            environment
                .newWorker(queue, ONE_AT_A_TIME)
                .registerActivitiesImplementations(activities, new SleepingTurns()));
    environment
        .newWorker(TaskQueues.compute("cpu"), ONE_AT_A_TIME)
        .registerActivitiesImplementations(activities);
  }

  @AfterEach
  void stop() {
    environment.close();
  }

  @Test
  void shouldStayWithinTheLimitsWithTheMostStudentsShardsAndRetries() throws Exception {
    ExperimentSpec spec = greatest();
    assertThat(SpecRules.check(spec)).isEmpty();
    assertThat(spec.evaluation().shards()).hasSize(EvaluationSpec.MAX_SHARDS);
    assertThat(bytes(spec)).isBetween(ExperimentSpec.MAX_BYTES * 8 / 10, ExperimentSpec.MAX_BYTES);
    for (int k = 1; k <= RETRIES; k++) {
      activities.diverging.add("student-" + k);
    }
    environment.start();
    WorkflowStub workflow = launch(spec);
    awaitRetryWaits(1);
    activities.diverging.clear();
    for (int k = 1; k <= RETRIES; k++) {
      retry(workflow, ModelKey.student(k));
      if (k < RETRIES) {
        awaitRetryWaits(1 + k);
      }
    }
    Updates.awaitEnd(workflow);

    List<HistoryEvent> history = history(workflow);
    assertThat(mostEvents(history)).isLessThan(EVENTS - FURTHER_RETRIES * EVENTS_PER_RETRY);
    assertThatSizesAreWithinLimits(history);
    // What the figure rests on: 8 events for each student, 7 for each shard.
    assertThat(mostEvents(history)).isGreaterThan(8 * 500 + 7 * 4 * EvaluationSpec.MAX_SHARDS);
  }

  /** Events of the same story if the workflow woke for each result alone: a task is 3 events. */
  private static long mostEvents(List<HistoryEvent> history) {
    long tasks =
        history.stream().filter(e -> e.getEventType().name().contains("_WORKFLOW_TASK_")).count();
    long wakes =
        history.stream()
            .filter(
                e ->
                    e.hasActivityTaskCompletedEventAttributes()
                        || e.hasActivityTaskFailedEventAttributes()
                        || e.hasWorkflowExecutionUpdateAcceptedEventAttributes()
                        || e.hasWorkflowExecutionStartedEventAttributes())
            .count();
    return history.size() - tasks + 3 * wakes;
  }

  private static void assertThatSizesAreWithinLimits(List<HistoryEvent> history) {
    assertThat(history)
        .allSatisfy(event -> assertThat(event.getSerializedSize()).isLessThan(PAYLOAD_BYTES));
    assertThat(history.stream().mapToLong(HistoryEvent::getSerializedSize).sum())
        .isLessThan(HISTORY_BYTES);
    long task = 0;
    for (HistoryEvent event : history) { // what a task schedules follows its completion
      boolean completed = event.getEventType() == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED;
      task = completed ? 0 : task + event.getSerializedSize();
      assertThat(task).isLessThan(TASK_BYTES);
    }
  }

  @Test
  void shouldRefuseARetryThatWouldFillTheHistory() {
    activities.diverging.add("student-1");
    environment.start();
    StudentsSpec one = StudentsSpecBuilder.builder().count(1).oneToOneBaseline(false).build();
    WorkflowStub workflow =
        launch(ExperimentSpecBuilder.builder().name("test").students(one).build());
    assertThatThrownBy(
            () -> {
              for (int waits = 1; ; waits++) {
                awaitRetryWaits(waits);
                retry(workflow, ModelKey.student(1));
              }
            })
        .isInstanceOf(WorkflowUpdateException.class)
        .hasStackTraceContaining("The history of experiment 1 is full: cancel it");
    assertThat(DistillationWorkflowImpl.MOST_EVENTS / activities.attempts.get())
        .isLessThanOrEqualTo(EVENTS_PER_RETRY);
    assertThat((long) history(workflow).size())
        .isBetween(
            DistillationWorkflowImpl.MOST_EVENTS, DistillationWorkflowImpl.MOST_EVENTS + 100);
  }

  @Test
  void shouldRunTheGreatestStudyWithinTheLimits() throws Exception {
    ExperimentSpec spec = greatest(4);
    assertThat(bytes(spec)).isBetween(6_000, StudySpec.MAX_MEMBER_BYTES / StudySpec.MAX_MEMBERS);
    try (TestWorkflowEnvironment studies = TestWorkflowEnvironment.newInstance()) {
      Worker light = studies.newWorker(TaskQueues.LIGHT, ONE_AT_A_TIME);
      light.registerWorkflowImplementationTypes(StudyWorkflowImpl.class, RetriedExperiment.class);
      light.registerActivitiesImplementations(new SleepingStudies(spec));
      studies
          .newWorker(TaskQueues.REPORTS, ONE_AT_A_TIME)
          .registerActivitiesImplementations(new SleepingStudies(spec));
      studies.start();
      List<String> ids = new ArrayList<>();
      for (int i = 0; i < StudySpec.MAX_MEMBERS; i++) {
        ids.add("%s-%04d".formatted("x".repeat(20), i));
      }
      WorkflowStub study =
          studies
              .getWorkflowClient()
              .newUntypedWorkflowStub(
                  "StudyWorkflow",
                  WorkflowOptions.newBuilder()
                      .setTaskQueue(TaskQueues.LIGHT)
                      .setWorkflowId("study-1")
                      .build());
      study.start(new StudyWorkflow.Input("1", 64, 1, ids));
      study.getResult(Void.class);

      List<HistoryEvent> history = studies.getWorkflowClient().fetchHistory("study-1").getEvents();
      assertThat(history).hasSizeLessThan(EVENTS);
      assertThatSizesAreWithinLimits(history);
    }
  }

  /** The most of everything that a history holds, and nearly the longest spec. */
  private static ExperimentSpec greatest() {
    return greatest(500);
  }

  private static ExperimentSpec greatest(int students) {
    List<StudentOverride> overrides = new ArrayList<>();
    for (int k = 1; k <= students; k++) {
      NetworkSpec network =
          new NetworkSpec(64, List.of(1, 2, 2, 2), 2, List.of(16), 1, 0.0, Optional.empty());
      overrides.add(
          new StudentOverride(k, TrainingOverrides.NONE, Optional.of(network), Owner.STUDENT));
    }
    Map<String, String> labels = new TreeMap<>();
    for (int i = 0; i < 10; i++) {
      labels.put("label-" + i, "v".repeat(255));
    }
    return ExperimentSpecBuilder.builder()
        .name("n".repeat(100))
        .labels(labels)
        .students(
            StudentsSpecBuilder.builder()
                .count(students)
                .overrides(overrides)
                .oneToOneBaseline(true)
                .build())
        .evaluation(EvaluationSpecBuilder.builder().samples(1_000_000).batchSize(8).build())
        .merge(
            new MergeSpec(
                MergeSpec.Kind.GREEDY, null, Optional.empty(), Optional.empty(), 1000, null))
        .search(new ScheduleSearchSpec(500, 256))
        .build();
  }

  private static int bytes(ExperimentSpec spec) throws JsonProcessingException {
    return JSON.writeValueAsString(spec).getBytes(StandardCharsets.UTF_8).length;
  }

  private WorkflowStub launch(ExperimentSpec spec) {
    WorkflowStub workflow =
        environment
            .getWorkflowClient()
            .newUntypedWorkflowStub(
                "DistillationWorkflow",
                WorkflowOptions.newBuilder()
                    .setTaskQueue(TaskQueues.LIGHT)
                    .setWorkflowId(DistillationWorkflow.workflowId("1"))
                    .build());
    workflow.start(new Input("1", spec));
    return workflow;
  }

  private static void retry(WorkflowStub workflow, ModelKey key) {
    Updates.ask(
        workflow,
        "retry",
        DistillationWorkflow.Accepted.class,
        new RetryRequest(key, TrainingOverrides.NONE));
  }

  /** Until the experiment awaits a retry for the n-th time. */
  private void awaitRetryWaits(int n) {
    while (activities.retryWaits.get() < n) {
      SleepingActivities.sleep();
    }
  }

  private List<HistoryEvent> history(WorkflowStub workflow) {
    return environment
        .getWorkflowClient()
        .fetchHistory(workflow.getExecution().getWorkflowId())
        .getEvents();
  }

  /** An experiment of a study that waits once for a retry. */
  public static final class RetriedExperiment extends WithoutRequests {

    @Override
    public void run(Input input) {
      tell(input, Stage.AWAITING_RETRY);
      Workflow.sleep(Duration.ofSeconds(1));
      tell(input, Stage.TRAINING_STUDENTS);
    }

    private static void tell(Input input, Stage stage) {
      Workflow.newUntypedExternalWorkflowStub(
              Workflow.getInfo().getParentWorkflowId().orElseThrow())
          .signal("memberStage", new StudyWorkflow.MemberStage(input.experimentId(), stage));
    }
  }
}
