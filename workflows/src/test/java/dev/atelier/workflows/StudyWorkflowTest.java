package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import io.temporal.activity.Activity;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The study's decisions, with scripted experiments in place of real ones. */
@Timeout(60)
class StudyWorkflowTest {

  private static final AtomicInteger RUNNING = new AtomicInteger();
  private static final AtomicInteger MOST_RUNNING = new AtomicInteger();
  private static final List<String> ENDED = new CopyOnWriteArrayList<>();

  private final ScriptedStudies activities = new ScriptedStudies();
  private TestWorkflowEnvironment environment;

  @BeforeEach
  void start() {
    RUNNING.set(0);
    MOST_RUNNING.set(0);
    ENDED.clear();
    environment = TestWorkflowEnvironment.newInstance();
    Worker light = environment.newWorker(TaskQueues.LIGHT);
    light.registerWorkflowImplementationTypes(StudyWorkflowImpl.class, ScriptedExperiment.class);
    light.registerActivitiesImplementations(activities);
    TaskQueues.OF_LONGER_WORK.forEach(
        queue -> environment.newWorker(queue).registerActivitiesImplementations(activities));
    environment.start();
  }

  @AfterEach
  void stop() {
    environment.close();
  }

  @Test
  void shouldRunEveryExperimentAFewAtOnceThenReport() {
    launch(2, 1, "ok-1", "ok-2", "ok-3", "ok-4", "ok-5").getResult(Void.class);

    assertThat(ENDED).containsExactlyInAnyOrder("ok-1", "ok-2", "ok-3", "ok-4", "ok-5");
    assertThat(MOST_RUNNING).hasValue(2);
    assertThat(activities.stages)
        .containsExactly(StudyStage.RUNNING, StudyStage.REPORTING, StudyStage.DONE);
    assertThat(activities.reports).hasValue(1);
  }

  @Test
  void shouldReportWhenAnExperimentFails() {
    launch(1, 1, "failing-1", "ok-2").getResult(Void.class);

    assertThat(ENDED).containsExactly("ok-2");
    assertThat(activities.stages).endsWith(StudyStage.REPORTING, StudyStage.DONE);
  }

  @Test
  void shouldGiveTheTurnOfAnExperimentThatAwaitsRetryToTheNext() {
    WorkflowStub study = launch(1, 1000, "waiting-1", "ok-2");
    await(() -> activities.stages.contains(StudyStage.AWAITING_RETRY));
    assertThat(ENDED).containsExactly("ok-2");

    experiment("waiting-1").signal("release");
    Updates.awaitEnd(study);
    assertThat(ENDED).containsExactly("ok-2", "waiting-1");
    assertThat(activities.stages).endsWith(StudyStage.REPORTING, StudyStage.DONE);
  }

  @Test
  void shouldCancelExperimentsThatNobodyRetriesAndReportWithoutThem() {
    // Waiting for the result would let the server skip to its end of time between two tasks.
    launch(1, 1, "waiting-1", "ok-2");
    await(() -> activities.stages.contains(StudyStage.AWAITING_RETRY));
    environment.sleep(Duration.ofHours(1));
    await(() -> activities.stages.contains(StudyStage.DONE));

    assertThat(ENDED).containsExactly("ok-2");
    assertThatThrownBy(() -> Updates.awaitEnd(experiment("waiting-1")))
        .hasCauseInstanceOf(CanceledFailure.class);
    assertThat(activities.stages)
        .endsWith(StudyStage.AWAITING_RETRY, StudyStage.REPORTING, StudyStage.DONE);
  }

  @Test
  void shouldCancelWhatRunsAndStartNothingMoreWhenCanceled() {
    WorkflowStub study = launch(1, 1000, "endless-1", "ok-2");
    await(() -> RUNNING.get() == 1);
    study.cancel();
    Updates.awaitOutcome(study, () -> activities.stages.contains(StudyStage.CANCELED));

    assertThatThrownBy(() -> Updates.awaitEnd(study))
        .isInstanceOf(WorkflowFailedException.class)
        .hasCauseInstanceOf(CanceledFailure.class);
    assertThat(ENDED).isEmpty();
    assertThatThrownBy(() -> Updates.awaitEnd(experiment("endless-1")))
        .hasCauseInstanceOf(CanceledFailure.class);
    assertThat(activities.stages).endsWith(StudyStage.CANCELED);
    assertThat(activities.reports).hasValue(0);
  }

  @Test
  void shouldPassOverAnExperimentThatWasCanceledBeforeItsTurn() {
    activities.canceledBefore.add("ok-1");
    launch(1, 1, "ok-1", "ok-2").getResult(Void.class);

    assertThat(ENDED).containsExactly("ok-2");
    assertThat(activities.stages).doesNotContain(StudyStage.AWAITING_RETRY);
  }

  @Test
  void shouldGoOnWhenAnExperimentEndsWhileTheStageIsRecorded() throws Exception {
    activities.slow = true; // a database that is away for a while
    launch(1, 1, "ok-1", "ok-2").getResult(20, TimeUnit.SECONDS, Void.class);

    assertThat(ENDED).containsExactly("ok-1", "ok-2");
  }

  private WorkflowStub launch(int atOnce, int awaitRetryHours, String... experiments) {
    WorkflowStub study =
        environment
            .getWorkflowClient()
            .newUntypedWorkflowStub(
                "StudyWorkflow",
                WorkflowOptions.newBuilder()
                    .setTaskQueue(TaskQueues.LIGHT)
                    .setWorkflowId(StudyWorkflow.workflowId("1"))
                    .build());
    study.start(new StudyWorkflow.Input("1", atOnce, awaitRetryHours, List.of(experiments)));
    return study;
  }

  private WorkflowStub experiment(String id) {
    return environment
        .getWorkflowClient()
        .newUntypedWorkflowStub(DistillationWorkflow.workflowId(id));
  }

  private void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      environment.sleep(Duration.ofMillis(50));
    }
  }

  /** What an experiment looks like from its study. */
  @WorkflowInterface
  public interface Experiment {
    @WorkflowMethod(name = "DistillationWorkflow")
    void run(DistillationWorkflow.Input input);

    @SignalMethod
    void release();
  }

  /** Ends well, fails, waits for retry until released, or goes on for ever, as its id says. */
  public static final class ScriptedExperiment implements Experiment {
    private boolean released;

    @Override
    public void run(DistillationWorkflow.Input input) {
      String id = input.experimentId();
      String study = Workflow.getInfo().getParentWorkflowId().orElseThrow();
      MOST_RUNNING.accumulateAndGet(RUNNING.incrementAndGet(), Math::max);
      try {
        Workflow.sleep(Duration.ofMinutes(1));
        if (id.startsWith("failing")) {
          throw ApplicationFailure.newNonRetryableFailure("It failed.", "INTERNAL");
        }
        if (id.startsWith("waiting")) {
          Workflow.newUntypedExternalWorkflowStub(study)
              .signal("memberStage", new StudyWorkflow.MemberStage(id, Stage.AWAITING_RETRY));
          Workflow.await(() -> released);
        }
        if (id.startsWith("endless")) {
          Workflow.await(() -> false);
        }
        ENDED.add(id);
      } finally {
        RUNNING.decrementAndGet();
      }
    }

    @Override
    public void release() {
      released = true;
    }
  }

  private static final class ScriptedStudies implements StudyActivities {
    final List<StudyStage> stages = new CopyOnWriteArrayList<>();
    final Set<String> canceledBefore = ConcurrentHashMap.newKeySet();
    volatile boolean slow;
    final AtomicInteger reports = new AtomicInteger();

    @Override
    public MemberSpec memberSpec(Member member) {
      ExperimentSpec spec = ExperimentSpecBuilder.builder().name(member.experimentId()).build();
      return new MemberSpec(
          canceledBefore.contains(member.experimentId()) ? Optional.empty() : Optional.of(spec));
    }

    @Override
    public void recordStudyStage(RecordStudyStage stage) {
      if (slow && Activity.getExecutionContext().getInfo().getAttempt() < 8) {
        throw ApplicationFailure.newFailure("The database is away.", "STORE_UNAVAILABLE");
      }
      stages.add(stage.stage());
    }

    @Override
    public void reportStudy(ReportStudy study) {
      reports.incrementAndGet();
    }
  }
}
