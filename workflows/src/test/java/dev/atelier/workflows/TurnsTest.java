package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.EvaluationSpecBuilder;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.spec.StudentsSpecBuilder;
import dev.atelier.workflows.DistillationWorkflow.CancelModelRequest;
import dev.atelier.workflows.DistillationWorkflow.Input;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Compute work is scheduled when it is its turn, and not before. */
@Timeout(60)
class TurnsTest {

  private final SleepingActivities activities = new SleepingActivities();
  private final SleepingTurns turns = new SleepingTurns();
  private TestWorkflowEnvironment environment;

  @BeforeEach
  void start() {
    environment = TestWorkflowEnvironment.newInstance();
    Worker light = environment.newWorker(TaskQueues.LIGHT);
    light.registerWorkflowImplementationTypes(DistillationWorkflowImpl.class);
    light.registerActivitiesImplementations(activities, turns);
    TaskQueues.OF_LONGER_WORK.forEach(
        queue -> environment.newWorker(queue).registerActivitiesImplementations(activities, turns));
    environment
        .newWorker(TaskQueues.compute("cpu"))
        .registerActivitiesImplementations(activities); // no turns: they need no device
    environment.start();
  }

  @AfterEach
  void stop() {
    environment.close();
  }

  @Test
  void shouldTakeATurnForEachPieceOfComputeWork() {
    WorkflowStub workflow = launch();
    Updates.awaitEnd(workflow);

    assertThat(turns.taken)
        .containsExactlyInAnyOrder(
            "feature extractor",
            "teacher",
            "student-1",
            "student-2",
            "reference",
            "teacher, images from 0",
            "teacher, images from 320",
            "teacher, figures",
            "o2mkd, images from 0",
            "o2mkd, images from 320",
            "o2mkd, figures",
            "files");
    assertThat(scheduled("TakeTurn")).as("who gets it at once costs one event").isZero();
  }

  @Test
  void shouldScheduleNothingOfWhatWaitsAndGoOnByItselfOnceThereIsRoom() {
    turns.noRoom.addAll(List.of("student-1", "o2mkd, images from 320"));
    WorkflowStub workflow = launch();
    await(() -> turns.refused.get() >= 3);
    await(() -> activities.attempts.get() == 1);
    environment.sleep(Duration.ofMinutes(5)); // however long
    assertThat(turns.taken).contains("student-2").doesNotContain("student-1");
    assertThat(scheduled("TrainStudent")).as("no device waits for student-1").isEqualTo(1);
    int events = history().size();
    environment.sleep(Duration.ofMinutes(5));
    assertThat(history()).as("waiting writes nothing").hasSize(events);

    turns.noRoom.remove("student-1");
    await(() -> turns.taken.contains("o2mkd, images from 0"));
    environment.sleep(Duration.ofMinutes(1));
    assertThat(turns.taken).contains("student-1").doesNotContain("o2mkd, figures");
    turns.noRoom.clear();
    Updates.awaitEnd(workflow);
    assertThat(scheduled("TrainStudent")).isEqualTo(2);
    assertThat(turns.returned).hasValue(0);
  }

  @Test
  void shouldGoOnWithoutAStudentThatIsCanceledWhileItWaits() {
    turns.noRoom.add("student-1");
    WorkflowStub workflow = launch();
    await(() -> turns.refused.get() >= 2);
    Updates.ask(
        workflow,
        "cancelModel",
        DistillationWorkflow.Accepted.class,
        new CancelModelRequest(ModelKey.student(1)));
    Updates.awaitEnd(workflow);

    assertThat(turns.taken).contains("student-2").doesNotContain("student-1");
    assertThat(scheduled("TrainStudent")).isEqualTo(1);
  }

  @Test
  void shouldGiveTurnsBackWhenTheEvaluationIsCalledOff() {
    turns.noRoom.add("o2mkd, images from 320");
    WorkflowStub workflow = launch();
    await(() -> turns.taken.contains("o2mkd, images from 0") && turns.refused.get() >= 2);
    Updates.ask(workflow, "pause", DistillationWorkflow.Accepted.class);
    await(() -> turns.returned.get() == 1);

    turns.noRoom.clear();
    Updates.ask(workflow, "resume", DistillationWorkflow.Accepted.class);
    Updates.awaitEnd(workflow);
    assertThat(turns.taken).endsWith("files");
  }

  private WorkflowStub launch() {
    ExperimentSpec spec =
        ExperimentSpecBuilder.builder()
            .name("test")
            .students(StudentsSpecBuilder.builder().count(2).oneToOneBaseline(false).build())
            .evaluation(
                EvaluationSpecBuilder.builder()
                    .samples(400)
                    .samplesPerShard(Optional.of(300))
                    .build())
            .build();
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

  private List<HistoryEvent> history() {
    return environment
        .getWorkflowClient()
        .fetchHistory(DistillationWorkflow.workflowId("1"))
        .getEvents();
  }

  private long scheduled(String activity) {
    return history().stream()
        .filter(HistoryEvent::hasActivityTaskScheduledEventAttributes)
        .map(event -> event.getActivityTaskScheduledEventAttributes().getActivityType().getName())
        .filter(activity::equals)
        .count();
  }

  private void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      environment.sleep(Duration.ofMillis(50));
    }
  }
}
