package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.StudentsSpecBuilder;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.spec.TrainingOverridesBuilder;
import dev.atelier.spec.Weighting;
import dev.atelier.workflows.DistillationWorkflow.Accepted;
import dev.atelier.workflows.DistillationWorkflow.CancelModelRequest;
import dev.atelier.workflows.DistillationWorkflow.ExtendRequest;
import dev.atelier.workflows.DistillationWorkflow.Input;
import dev.atelier.workflows.DistillationWorkflow.ModelProgress;
import dev.atelier.workflows.DistillationWorkflow.Progress;
import dev.atelier.workflows.DistillationWorkflow.ReplaceRequest;
import dev.atelier.workflows.DistillationWorkflow.RetryRequest;
import io.temporal.activity.Activity;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a user can ask of a running experiment, with activities that only keep count of steps. */
@Timeout(60)
class DistillationRequestsTest {

  private static final int STEPS = 100_000; // the default of a training
  private static final ModelKey FIRST = ModelKey.student(1);
  private static final ModelKey SECOND = ModelKey.student(2);

  private final CountingActivities activities = new CountingActivities();
  private TestWorkflowEnvironment environment;

  @BeforeEach
  void start() {
    environment = TestWorkflowEnvironment.newInstance();
    Worker light = environment.newWorker(TaskQueues.LIGHT);
    light.registerWorkflowImplementationTypes(DistillationWorkflowImpl.class);
    light.registerActivitiesImplementations(activities, new SleepingTurns());
    TaskQueues.OF_LONGER_WORK.forEach(
        queue ->
            environment
                .newWorker(queue)
                .registerActivitiesImplementations(activities, new SleepingTurns()));
    // An activity learns of a cancellation by a heartbeat; left alone, the SDK sends one in 16 s.
    WorkerOptions heartbeats =
        WorkerOptions.newBuilder()
            .setMaxHeartbeatThrottleInterval(Duration.ofMillis(50))
            .setDefaultHeartbeatThrottleInterval(Duration.ofMillis(50))
            .build();
    environment
        .newWorker(TaskQueues.compute("cpu"), heartbeats)
        .registerActivitiesImplementations(activities);
    environment.start();
  }

  @AfterEach
  void stop() {
    activities.blocked.clear();
    environment.close();
  }

  @Test
  void shouldHandBackTrainingsWhenPausedAndGoOnFromTheirCheckpointsWhenResumed() {
    activities.blocked.addAll(List.of("student-1", "student-2"));
    WorkflowStub workflow = launch(2);
    awaitStarted("student-1", "student-2");

    ask(workflow, "pause");
    awaitStates(workflow, ModelState.DONE, ModelState.PENDING, ModelState.PENDING);
    activities.blocked.clear();
    environment.sleep(Duration.ofDays(30)); // no deadline passes meanwhile
    assertThat(activities.stopped).containsExactlyInAnyOrder("student-1", "student-2");
    assertThat(activities.trained).containsExactly("teacher 0-" + STEPS);
    assertThat(progress(workflow).paused()).isTrue();
    assertThat(activities.requests).containsExactly("pause", "handed back");

    ask(workflow, "resume");
    Updates.awaitEnd(workflow);
    assertThat(activities.trained).contains("student-1 1-" + STEPS, "student-2 1-" + STEPS);
    assertThat(activities.requests).containsExactly("pause", "handed back", "resume");
    assertThat(activities.stages).endsWith(Stage.DONE);
    assertThat(progress(workflow).models()).extracting(ModelProgress::attempts).contains(2, 2);
  }

  @Test
  void shouldStartNothingAfterTheTeacherWhenPausedWhileItTrains() {
    activities.blocked.add("teacher");
    WorkflowStub workflow = launch(1);
    awaitStarted("teacher");
    ask(workflow, "pause");
    awaitStates(workflow, ModelState.PENDING, ModelState.PENDING);
    activities.blocked.clear();

    ask(workflow, "resume");
    Updates.awaitEnd(workflow);
    assertThat(activities.trained).containsExactly("teacher 1-" + STEPS, "student-1 0-" + STEPS);
  }

  @Test
  void shouldStopTheEvaluationWhenPausedAndRepeatOnlyWhatWasNotDone() {
    activities.blocked.add("o2mkd");
    WorkflowStub workflow = launch(1);
    awaitStarted("o2mkd");
    ask(workflow, "pause");
    await(() -> activities.stopped.contains("o2mkd"));
    activities.blocked.clear();

    ask(workflow, "resume");
    Updates.awaitEnd(workflow);
    assertThat(activities.evaluated).containsExactly("teacher", "o2mkd");
    assertThat(activities.requests).containsExactly("pause", "resume");
    assertThat(activities.stages).endsWith(Stage.EVALUATING, Stage.PUBLISHING, Stage.DONE);
  }

  @Test
  void shouldRefuseToPauseTwiceAndToResumeWhatIsNotPaused() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStarted("student-1");

    assertRefused(() -> ask(workflow, "resume"), "it is not paused");
    ask(workflow, "pause");
    assertRefused(() -> ask(workflow, "pause"), "it is paused");
  }

  @Test
  void shouldTrainARunningModelToMoreStepsFromItsCheckpoint() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(2);
    awaitStarted("student-1");
    extend(workflow, FIRST, 2 * STEPS);
    await(() -> activities.stopped.contains("student-1"));
    activities.blocked.clear();

    Updates.awaitEnd(workflow);
    assertThat(activities.trained).contains("student-1 1-" + 2 * STEPS, "student-2 0-" + STEPS);
    assertThat(activities.requests).containsExactly("extend student-1 " + 2 * STEPS);
    assertThat(activities.finds).doesNotContain("student-1 again"); // it is like no other now
    assertThat(progress(workflow).models())
        .contains(new ModelProgress(FIRST, ModelState.DONE, 2 * STEPS, 2));
  }

  @Test
  void shouldTrainOnADoneStudentAndEvaluateItsNewWeightsWhenExtendedDuringTheEvaluation() {
    activities.blocked.add("o2mkd");
    WorkflowStub workflow = launch(2);
    awaitStarted("o2mkd");
    extend(workflow, SECOND, STEPS + 5);
    await(() -> activities.stopped.contains("o2mkd"));
    activities.blocked.clear();

    Updates.awaitEnd(workflow);
    assertThat(activities.trained).endsWith("student-2 %d-%d".formatted(STEPS, STEPS + 5));
    assertThat(activities.judged.get("o2mkd"))
        .extracting(ModelRef::step)
        .containsExactly(STEPS, STEPS + 5);
    assertThat(activities.evaluated).containsExactly("teacher", "o2mkd"); // the teacher once
    assertThat(activities.requests)
        .containsExactly("extend student-2 " + (STEPS + 5), "forget 4 outdated");
    assertThat(activities.models(activities.published.get(0).students()))
        .extracting(ModelRef::step)
        .containsExactly(STEPS, STEPS + 5);
  }

  @Test
  void shouldTrainAFailedModelToMoreStepsWhenExtended() {
    activities.failing.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    activities.failing.clear();

    extend(workflow, FIRST, STEPS + 1);
    Updates.awaitEnd(workflow);
    assertThat(activities.trained).contains("student-1 0-" + (STEPS + 1));
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  @Test
  void shouldRefuseToExtendWhatCannotBeTrainedOn() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStarted("student-1");

    assertRefused(() -> extend(workflow, FIRST, STEPS), "expected more");
    assertRefused(
        () -> extend(workflow, ModelKey.TEACHER, 2 * STEPS), "students are distilled from it");
    assertRefused(() -> extend(workflow, SECOND, 2 * STEPS), "has no model 'student-2'");
    assertThat(activities.requests).isEmpty();
  }

  @Test
  void shouldRefuseToExtendAnImportedTeacher() {
    activities.failing.add("teacher");
    WorkflowStub workflow =
        start("1", spec(1, false, null, new TeacherSpec(Optional.of("t.pt"), null, null)));
    awaitStage(workflow, Stage.AWAITING_RETRY);

    assertRefused(() -> extend(workflow, ModelKey.TEACHER, STEPS), "it is imported, not trained");
  }

  @Test
  void shouldTrainAStudentAnewWithItsOtherSettingsWhenReplaced() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(2);
    awaitStarted("student-1");
    NetworkSpec wide = NetworkSpec.ofWidth(112);
    replace(
        workflow,
        FIRST,
        new StudentReplacement(
            Optional.of(wide),
            steps(7),
            Optional.of(0.5),
            Optional.empty(),
            Optional.empty(),
            Optional.empty()));
    await(() -> activities.stopped.contains("student-1"));
    activities.blocked.clear();

    Updates.awaitEnd(workflow);
    assertThat(activities.trained).contains("student-1 0-7", "student-2 0-" + STEPS);
    assertThat(activities.tasks.get("student-1").network()).isEqualTo(wide);
    assertThat(activities.tasks.get("student-1").specificProbability()).isEqualTo(0.5);
    assertThat(activities.tasks.get("student-2").specificProbability()).isEqualTo(0.8);
    assertThat(activities.requests).containsExactly("replace student-1 7");
  }

  @Test
  void shouldRefuseToReplaceTheTeacherOrByAStartThatIsNotTrained() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStarted("student-1");

    assertRefused(
        () -> replace(workflow, FIRST, startingFrom(StartFrom.ONE_TO_ONE)),
        "no such student first");
    assertRefused(
        () -> replace(workflow, ModelKey.TEACHER, startingFrom(StartFrom.RANDOM)),
        "Cannot replace teacher");
  }

  @Test
  void shouldGoOnWithoutACanceledStudentAndSaySo() {
    activities.blocked.add("student-1");
    MergeSpec average =
        new MergeSpec(MergeSpec.Kind.GREEDY, null, Optional.empty(), Optional.empty(), null, null);
    WorkflowStub workflow = start("1", spec(2, true, average, null));
    awaitStarted("student-1");
    cancel(workflow, FIRST);

    Updates.awaitEnd(workflow);
    assertThat(activities.stopped).containsExactly("student-1");
    assertThat(activities.requests).containsExactly("cancel student-1", "canceled student-1");
    assertThat(activities.evaluated)
        .containsExactlyInAnyOrder("teacher", "one-to-one", "o2mkd-partial");
    assertThat(activities.judged.get("o2mkd-partial"))
        .extracting(m -> m.key() + " " + m.range())
        .containsExactly("teacher [0, 500)", "student-2 [500, 1000)");
    assertThat(activities.stages).doesNotContain(Stage.MERGING).endsWith(Stage.PARTIAL);
    assertThat(activities.reasons)
        .containsExactly(
            "INCOMPLETE student-1 was not trained. The teacher owns the ranges of missing students.");
    assertThat(activities.published).hasSize(1);
  }

  @Test
  void shouldJudgeACompleteSetAsSuchWhenOnlyTheBaselineIsCanceled() {
    activities.blocked.add("one-to-one");
    WorkflowStub workflow = start("1", spec(2, true, null, null));
    awaitStarted("one-to-one");
    cancel(workflow, ModelKey.ONE_TO_ONE);

    Updates.awaitEnd(workflow);
    assertThat(activities.evaluated).containsExactlyInAnyOrder("teacher", "o2mkd");
    assertThat(activities.stages).endsWith(Stage.PARTIAL);
  }

  @Test
  void shouldPublishTheTeacherAloneWhenEveryStudentIsCanceled() {
    activities.failing.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    cancel(workflow, FIRST);

    Updates.awaitEnd(workflow);
    assertThat(activities.evaluated).containsExactly("teacher");
    assertThat(activities.models(activities.published.get(0).students())).isEmpty();
    assertThat(activities.stages).endsWith(Stage.PARTIAL);
  }

  @Test
  void shouldTrainACanceledStudentAgainWhenItIsRetried() {
    activities.blocked.addAll(List.of("student-1", "student-2"));
    WorkflowStub workflow = launch(2);
    awaitStarted("student-1", "student-2");
    cancel(workflow, FIRST);
    awaitStates(workflow, ModelState.DONE, ModelState.CANCELED, ModelState.RUNNING);
    retry(workflow, FIRST);
    activities.blocked.clear();

    Updates.awaitEnd(workflow);
    assertThat(activities.trained).contains("student-1 1-" + STEPS);
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  @Test
  void shouldRefuseToRetryWithTheGammaOfNoWeighting() {
    activities.failing.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    TrainingOverrides gamma =
        TrainingOverridesBuilder.builder().weightingGamma(Optional.of(2.0)).build();
    assertRefused(
        () -> Updates.ask(workflow, "retry", Accepted.class, new RetryRequest(FIRST, gamma)),
        "Cannot retry student-1 with weightingGamma 2.0: its training has no weighting.");

    activities.failing.clear();
    TrainingOverrides both =
        TrainingOverridesBuilder.builder(gamma).weighting(Optional.of(Weighting.MIN_SNR)).build();
    Updates.ask(workflow, "retry", Accepted.class, new RetryRequest(FIRST, both));
    Updates.awaitEnd(workflow);
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  @Test
  void shouldRefuseToCancelWhatTheOthersNeedOrWhatHasEnded() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(2);
    awaitStates(workflow, ModelState.DONE, ModelState.RUNNING, ModelState.DONE);

    assertRefused(() -> cancel(workflow, ModelKey.TEACHER), "distilled from it");
    assertRefused(() -> cancel(workflow, SECOND), "it is DONE");
    assertThat(activities.requests).isEmpty();
  }

  @Test
  void shouldEndPartialWithWhatItHasWhenNobodyRetriesByTheDeadline() {
    activities.failing.add("student-2");
    WorkflowStub workflow = launch(3);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    await(() -> progress(workflow).deadline().isPresent());

    environment.sleep(Duration.ofHours(160));
    assertThat(progress(workflow).stage()).isEqualTo(Stage.AWAITING_RETRY);
    environment.sleep(Duration.ofHours(10));
    Updates.awaitEnd(workflow);
    assertThat(activities.evaluated).containsExactlyInAnyOrder("teacher", "o2mkd-partial");
    assertThat(activities.stages).endsWith(Stage.EVALUATING, Stage.PUBLISHING, Stage.PARTIAL);
    assertThat(activities.reasons)
        .containsExactly(
            "INCOMPLETE student-2 was not trained (Diverged.). The teacher owns the ranges of missing students.");
    assertThat(progress(workflow).deadline()).isEmpty();
  }

  @Test
  void shouldFailWhenTheTeacherIsNotRetriedByTheDeadline() {
    activities.failing.add("teacher");
    WorkflowStub workflow = launch(1);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    environment.sleep(Duration.ofHours(169));

    assertThatThrownBy(() -> Updates.awaitEnd(workflow))
        .isInstanceOf(WorkflowFailedException.class);
    assertThat(activities.stages).endsWith(Stage.FAILED);
    assertThat(activities.reasons.get(0)).startsWith("INCOMPLETE teacher was not trained");
  }

  @Test
  void shouldCountTheDeadlineAnewWhenAPausedExperimentIsResumed() {
    activities.failing.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    ask(workflow, "pause");
    environment.sleep(Duration.ofDays(30));
    assertThat(progress(workflow).deadline()).isEmpty();

    ask(workflow, "resume");
    await(() -> progress(workflow).deadline().isPresent());
    activities.failing.clear();
    retry(workflow, FIRST);
    Updates.awaitEnd(workflow);
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  @Test
  void shouldWaitForTheEvaluationToBeAskedForAgainWhenItFails() {
    activities.failing.add("o2mkd");
    WorkflowStub workflow = launch(1);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    await(() -> activities.reasons.equals(List.of("DIVERGED Diverged.")));
    activities.failing.clear();

    ask(workflow, "rerunEvaluation");
    Updates.awaitEnd(workflow);
    assertThat(activities.requests).containsExactly("forget 5 asked");
    assertThat(activities.trained).hasSize(2); // nothing is trained again
    assertThat(activities.stages).endsWith(Stage.EVALUATING, Stage.PUBLISHING, Stage.DONE);
  }

  @Test
  void shouldPublishWithoutFiguresWhenAFailedEvaluationIsNotAskedForByTheDeadline() {
    activities.failing.add("o2mkd");
    WorkflowStub workflow = launch(1);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    environment.sleep(Duration.ofHours(169));

    Updates.awaitEnd(workflow);
    assertThat(activities.models(activities.published.get(0).students())).hasSize(1);
    assertThat(activities.stages).endsWith(Stage.PUBLISHING, Stage.PARTIAL);
    assertThat(activities.reasons).endsWith("INCOMPLETE The evaluation failed (Diverged.).");
  }

  @Test
  void shouldEvaluateFromTheBeginningWhenAskedToDuringTheEvaluation() {
    activities.blocked.add("o2mkd");
    WorkflowStub workflow = launch(1);
    awaitStarted("o2mkd");
    ask(workflow, "rerunEvaluation");
    await(() -> activities.stopped.contains("o2mkd"));
    activities.blocked.clear();

    Updates.awaitEnd(workflow);
    assertThat(activities.evaluated).containsExactlyInAnyOrder("teacher", "teacher", "o2mkd");
    assertThat(activities.lastReuse).isEqualTo(ExperimentSpec.Reuse.NEVER);
  }

  @Test
  void shouldRefuseAllRequestsOnceItHasEndedOrBeforeThereIsSomethingToDo() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStarted("student-1");
    assertRefused(() -> ask(workflow, "rerunEvaluation"), "TRAINING_STUDENTS");

    activities.blocked.clear();
    Updates.awaitEnd(workflow);
    assertThatThrownBy(() -> ask(workflow, "pause")).isInstanceOf(WorkflowNotFoundException.class);
  }

  @Test
  void shouldHaveOneEffectAndTheSameAnswerWhenARequestIsRepeated() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStarted("student-1");
    ExtendRequest request = new ExtendRequest(FIRST, 2 * STEPS);

    Accepted first = ask(workflow, "key-1", "extend", request);
    Accepted again = ask(workflow, "key-1", "extend", request);
    assertThat(again).isEqualTo(first).isEqualTo(Accepted.of("extend", request));
    assertThat(ask(workflow, "key-1", "extend", new ExtendRequest(FIRST, 3 * STEPS)))
        .isEqualTo(first); // which tells the caller that the key was taken
    assertRefused(() -> ask(workflow, "key-2", "extend", request), "expected more");

    activities.blocked.clear();
    Updates.awaitEnd(workflow);
    assertThat(activities.requests).containsExactly("extend student-1 " + 2 * STEPS);
  }

  @Test
  void shouldLoseNoRequestWhenManyArriveAtOnce() {
    int count = 8;
    for (int k = 1; k <= count; k++) {
      activities.failing.add("student-" + k);
    }
    WorkflowStub workflow = launch(count);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    activities.failing.clear();

    List<CompletableFuture<Boolean>> answers = new CopyOnWriteArrayList<>();
    for (int i = 0; i < 2 * count; i++) {
      ModelKey key = ModelKey.student(1 + i % count);
      answers.add(CompletableFuture.supplyAsync(() -> accepted(() -> retry(workflow, key))));
    }
    assertThat(answers).filteredOn(CompletableFuture::join).hasSize(count); // each once
    Updates.awaitEnd(workflow);
    assertThat(activities.requests).hasSize(count).doesNotHaveDuplicates();
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  @Test
  void shouldTrainOnWhenATrainingEndsJustAsItIsExtended() {
    activities.blocked.add("student-1");
    activities.endingWell.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStarted("student-1");
    extend(workflow, FIRST, 2 * STEPS);
    await(() -> activities.trained.contains("student-1 0-" + STEPS));
    activities.blocked.clear();

    Updates.awaitEnd(workflow);
    assertThat(activities.trained).endsWith("student-1 %d-%d".formatted(STEPS, 2 * STEPS));
    assertThat(activities.judged.get("o2mkd").get(0).step()).isEqualTo(2 * STEPS);
  }

  @Test
  void shouldGoOnWithoutAModelWhoseTrainingEndsJustAsItIsCanceled() {
    activities.blocked.add("student-1");
    activities.endingWell.add("student-1");
    WorkflowStub workflow = launch(2);
    awaitStarted("student-1");
    cancel(workflow, FIRST);

    Updates.awaitEnd(workflow);
    assertThat(activities.trained).contains("student-1 0-" + STEPS);
    assertThat(activities.requests).containsExactly("cancel student-1", "canceled student-1");
    assertThat(activities.evaluated).containsExactlyInAnyOrder("teacher", "o2mkd-partial");
  }

  @Test
  void shouldKeepATrainingThatEndsJustAsTheExperimentIsPaused() {
    activities.blocked.add("student-1");
    activities.endingWell.add("student-1");
    WorkflowStub workflow = launch(1);
    awaitStarted("student-1");
    ask(workflow, "pause");
    awaitStates(workflow, ModelState.DONE, ModelState.DONE);
    assertThat(activities.evaluated).isEmpty();

    ask(workflow, "resume");
    Updates.awaitEnd(workflow);
    assertThat(activities.trained).containsOnlyOnce("student-1 0-" + STEPS);
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  private static boolean accepted(Runnable request) {
    try {
      request.run();
      return true;
    } catch (WorkflowUpdateException | WorkflowNotFoundException e) {
      return false;
    }
  }

  private static void assertRefused(ThrowingCallable request, String reason) {
    assertThatThrownBy(request)
        .isInstanceOf(WorkflowUpdateException.class)
        .hasStackTraceContaining(reason);
  }

  private static TrainingOverrides steps(int steps) {
    return TrainingOverridesBuilder.builder().steps(Optional.of(steps)).build();
  }

  private static StudentReplacement startingFrom(StartFrom start) {
    return new StudentReplacement(
        Optional.empty(),
        null,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(start));
  }

  private static void ask(WorkflowStub workflow, String update) {
    assertThat(Updates.ask(workflow, update, Accepted.class)).isEqualTo(Accepted.of(update));
  }

  private static Accepted ask(WorkflowStub workflow, String id, String update, Record request) {
    return Updates.ask(workflow, id, update, Accepted.class, request);
  }

  private static void retry(WorkflowStub workflow, ModelKey key) {
    Updates.ask(workflow, "retry", Accepted.class, new RetryRequest(key, TrainingOverrides.NONE));
  }

  private static void extend(WorkflowStub workflow, ModelKey key, int steps) {
    Updates.ask(workflow, "extend", Accepted.class, new ExtendRequest(key, steps));
  }

  private static void replace(WorkflowStub workflow, ModelKey key, StudentReplacement by) {
    Updates.ask(workflow, "replace", Accepted.class, new ReplaceRequest(key, by));
  }

  private static void cancel(WorkflowStub workflow, ModelKey key) {
    Updates.ask(workflow, "cancelModel", Accepted.class, new CancelModelRequest(key));
  }

  private WorkflowStub launch(int students) {
    return start("1", spec(students, false, null, null));
  }

  private static ExperimentSpec spec(
      int students, boolean oneToOne, MergeSpec merge, TeacherSpec teacher) {
    return ExperimentSpecBuilder.builder()
        .name("test")
        .teacher(teacher)
        .students(StudentsSpecBuilder.builder().count(students).oneToOneBaseline(oneToOne).build())
        .merge(merge)
        .build();
  }

  private WorkflowStub start(String id, ExperimentSpec spec) {
    WorkflowStub workflow =
        environment
            .getWorkflowClient()
            .newUntypedWorkflowStub(
                "DistillationWorkflow",
                WorkflowOptions.newBuilder()
                    .setTaskQueue(TaskQueues.LIGHT)
                    .setWorkflowId(DistillationWorkflow.workflowId(id))
                    .build());
    workflow.start(new Input(id, spec));
    return workflow;
  }

  /**
   * Waits until these works have started and the rest of the workflow waits for the test: the
   * server in memory, unlike a real one, is stuck for ever where an activity is canceled that has
   * just ended.
   */
  private void awaitStarted(String... works) {
    await(() -> activities.started.containsAll(List.of(works)) && onlyWaits());
  }

  private boolean onlyWaits() {
    List<EventType> events =
        environment
            .getWorkflowClient()
            .fetchHistory(DistillationWorkflow.workflowId("1"))
            .getEvents()
            .stream()
            .map(HistoryEvent::getEventType)
            .toList();
    int underWay =
        Collections.frequency(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
            - Collections.frequency(events, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED);
    return underWay == activities.waiting.get()
        && events.lastIndexOf(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
            > events.lastIndexOf(EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED);
  }

  private void awaitStage(WorkflowStub workflow, Stage stage) {
    await(() -> progress(workflow).stage() == stage);
  }

  /** Waits for the states of teacher, students and one-to-one. */
  private void awaitStates(WorkflowStub workflow, ModelState... states) {
    await(
        () ->
            progress(workflow).models().stream()
                .map(ModelProgress::state)
                .toList()
                .equals(List.of(states)));
  }

  private static Progress progress(WorkflowStub workflow) {
    return workflow.query("progress", Progress.class);
  }

  private void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      environment.sleep(Duration.ofMillis(20));
    }
  }

  /**
   * Trainings that jump to their last step, and evaluations that count, unless the test blocks them
   * or lets them fail. One that is stopped has come one step further.
   */
  private static final class CountingActivities
      implements DatasetActivities,
          ReuseActivities,
          TrainingActivities,
          EvaluationActivities,
          MergingActivities,
          EnsembleActivities,
          HistoryActivities {
    final Set<String> blocked = ConcurrentHashMap.newKeySet(); // models and subjects
    final Set<String> endingWell = ConcurrentHashMap.newKeySet(); // although told to stop
    final Set<String> failing = ConcurrentHashMap.newKeySet();
    final Set<String> started = ConcurrentHashMap.newKeySet();
    final AtomicInteger waiting = new AtomicInteger(); // works that the test blocks
    final List<String> stopped = new CopyOnWriteArrayList<>();
    final Map<String, Integer> checkpoints = new ConcurrentHashMap<>(); // steps by model
    final Map<String, Integer> places = new ConcurrentHashMap<>(); // times replaced, by model
    final List<String> trained = new CopyOnWriteArrayList<>();
    final List<String> finds = new CopyOnWriteArrayList<>();
    final Map<String, TrainStudent> tasks = new ConcurrentHashMap<>();
    final List<String> evaluated = new CopyOnWriteArrayList<>();
    final Map<String, List<ModelRef>> judged = new ConcurrentHashMap<>();
    final Map<String, List<ModelRef>> kept = new ConcurrentHashMap<>();
    volatile ExperimentSpec.Reuse lastReuse = ExperimentSpec.Reuse.ALLOWED;
    final List<Publish> published = new CopyOnWriteArrayList<>();
    final List<Stage> stages = new CopyOnWriteArrayList<>();
    final List<String> reasons = new CopyOnWriteArrayList<>();
    final List<String> requests = new CopyOnWriteArrayList<>();

    private ModelRef train(ModelKey key, NetworkSpec network, TimestepRange range, int steps) {
      int from = checkpoints.getOrDefault(key.value(), 0);
      work(key.value());
      checkpoints.put(key.value(), steps);
      trained.add("%s %d-%d".formatted(key, from, steps));
      return new ModelRef(
          key, Optional.of(network), range, key + "/" + steps, "0".repeat(64), steps);
    }

    private void work(String name) {
      int place = places.getOrDefault(name, 0);
      started.add(name);
      if (failing.contains(name)) {
        throw ErrorType.DIVERGED.failure("Diverged.", 1);
      }
      waiting.incrementAndGet();
      try {
        while (blocked.contains(name)) {
          Activity.getExecutionContext().heartbeat(null);
          Thread.sleep(20);
        }
      } catch (ActivityCanceledException e) {
        if (endingWell.contains(name)) {
          return;
        }
        if (places.getOrDefault(name, 0) == place) { // as the fence has it
          checkpoints.merge(name, 1, Integer::sum);
        }
        stopped.add(name);
        throw e;
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      } finally {
        waiting.decrementAndGet();
      }
    }

    @Override
    public ModelRef trainTeacher(TrainTeacher task) {
      return train(
          ModelKey.TEACHER, task.network(), new TimestepRange(0, 1000), task.training().steps());
    }

    @Override
    public ModelRef importTeacher(ImportTeacher task) {
      return train(ModelKey.TEACHER, task.network(), new TimestepRange(0, 1000), 0);
    }

    @Override
    public ModelRef trainStudent(TrainStudent task) {
      tasks.put(task.key().value(), task);
      return train(task.key(), task.network(), task.range(), task.training().steps());
    }

    @Override
    public FoundEvaluation findEvaluation(Evaluate task) {
      return new FoundEvaluation(Optional.empty());
    }

    @Override
    public ShardRef sampleShard(SampleShard task) {
      work(task.subject().subject().word());
      return new ShardRef(
          "shard", "0".repeat(64), task.first(), task.images(), 1, 1, Optional.empty());
    }

    @Override
    public Evaluated combineShards(CombineShards task) {
      Evaluate judging = task.subject();
      String subject = judging.subject().word();
      evaluated.add(subject);
      judged.put(subject, models(judging.models()));
      lastReuse = judging.reuse();
      return new Evaluated(judging.subject(), 1.0);
    }

    @Override
    public EnsembleRef.Part keepModels(KeepModels task) {
      String key = task.models().toString(); // as the hash of the real one: of the content
      kept.put(key, task.models());
      return new EnsembleRef.Part(key, "0".repeat(64), task.models().size());
    }

    List<ModelRef> models(EnsembleRef ensemble) {
      return ensemble.parts().stream()
          .flatMap(part -> kept.get(part.objectKey()).stream())
          .toList();
    }

    @Override
    public void discardShards(DiscardShards task) {}

    @Override
    public void publish(Publish task) {
      published.add(task);
    }

    @Override
    public Found findTeacher(TrainTeacher task) {
      return new Found(Optional.empty());
    }

    @Override
    public Found findStudent(TrainStudent task) {
      String key = task.key().value();
      finds.add(finds.contains(key) ? key + " again" : key);
      return new Found(Optional.empty());
    }

    @Override
    public DatasetRef prepare(PrepareDataset task) {
      return new DatasetRef("d".repeat(64), 100, 16, 3, 0, 0);
    }

    @Override
    public ExtractorRef prepareExtractor(PrepareExtractor task) {
      return new ExtractorRef("random-conv", "extractors/x.pt", "e".repeat(64));
    }

    @Override
    public StatisticsRef measureReference(MeasureReference task) {
      return new StatisticsRef("statistics/x.safetensors", "a".repeat(64), 100);
    }

    @Override
    public Merged merge(Merge task) {
      return new Merged(new EnsembleRef(List.of()));
    }

    @Override
    public void searchSchedule(SearchSchedule task) {}

    @Override
    public void recordStage(RecordStage stage) {
      stages.add(stage.stage());
      if (!stage.errorType().isEmpty()) {
        reasons.add(stage.errorType() + " " + stage.errorMessage());
      }
    }

    @Override
    public void recordModelFailed(RecordModelFailed failed) {}

    @Override
    public void recordRetry(RecordRetry retry) {
      requests.add("retry " + retry.key());
    }

    @Override
    public void recordExtension(RecordExtension extension) {
      requests.add("extend %s %d".formatted(extension.key(), extension.steps()));
    }

    @Override
    public void recordReplacement(RecordReplacement replaced) {
      places.merge(replaced.key().value(), 1, Integer::sum);
      checkpoints.remove(replaced.key().value());
      requests.add("replace %s %d".formatted(replaced.key(), replaced.steps()));
    }

    @Override
    public void recordCancelRequest(RecordCancelRequest request) {
      requests.add("cancel " + request.key());
    }

    @Override
    public void recordModelCanceled(RecordModelCanceled canceled) {
      requests.add("canceled " + canceled.key());
    }

    @Override
    public void recordPause(RecordPause pause) {
      requests.add(pause.paused() ? "pause" : "resume");
    }

    @Override
    public void recordHandedBack(RecordHandedBack handedBack) {
      requests.add("handed back");
    }

    @Override
    public void recordReevaluation(RecordReevaluation stale) {
      requests.add(
          "forget %d %s".formatted(stale.subjects().size(), stale.asked() ? "asked" : "outdated"));
    }

    @Override
    public void recordTeacherRange(RecordTeacherRange owned) {}
  }
}
