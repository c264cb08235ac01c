package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpecBuilder;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.Shard;
import dev.atelier.spec.EvaluationSpecBuilder;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudentsSpec.Owner;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.StudentsSpec.StudentOverride;
import dev.atelier.spec.StudentsSpecBuilder;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.spec.TrainingOverridesBuilder;
import dev.atelier.spec.TrainingSpecBuilder;
import dev.atelier.workflows.DistillationWorkflow.Input;
import dev.atelier.workflows.DistillationWorkflow.RetryRequest;
import dev.atelier.workflows.EncodingActivities.EncodeDataset;
import dev.atelier.workflows.HistoryActivities.RecordTeacherRange;
import io.temporal.activity.Activity;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.failure.CanceledFailure;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The workflow's decisions, with scripted activities in place of the long work. */
@Timeout(60)
class DistillationWorkflowTest {

  private static final DatasetRef DATASET = new DatasetRef("d".repeat(64), 100, 16, 3, 0, 0);

  private static final EncodedRef ENCODED =
      new EncodedRef(
          new PartsRef("parts.json", "a".repeat(64)), Optional.empty(), Optional.empty());

  private final ScriptedActivities activities = new ScriptedActivities();
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
    activities.release.countDown();
    environment.close();
  }

  @Test
  void shouldTrainTeacherThenAllStudentsAndBaselineThenEvaluateAndPublish() {
    run(launch(3, true));

    assertThat(activities.stages)
        .containsExactly(
            Stage.PREPARING_DATASET,
            Stage.TRAINING_TEACHER,
            Stage.TRAINING_STUDENTS,
            Stage.EVALUATING,
            Stage.PUBLISHING,
            Stage.DONE);
    assertThat(activities.trained.keySet())
        .containsExactlyInAnyOrder("teacher", "student-1", "student-2", "student-3", "one-to-one");
    assertThat(activities.ranges)
        .containsEntry("student-1", new TimestepRange(0, 333))
        .containsEntry("student-2", new TimestepRange(333, 667))
        .containsEntry("student-3", new TimestepRange(667, 1000))
        .containsEntry("one-to-one", new TimestepRange(0, 1000));
    assertThat(activities.evaluated).containsExactlyInAnyOrder("teacher", "one-to-one", "o2mkd");
    assertThat(activities.published).hasSize(1);
    assertThat(activities.models(activities.published.get(0).students()))
        .extracting(m -> m.key().value())
        .containsExactly("student-1", "student-2", "student-3");
  }

  @Test
  void shouldMergeThenSearchAfterTheEvaluationWhenTheSpecAsksForBoth() {
    run(launch(merging(3)));

    assertThat(activities.stages)
        .containsSubsequence(
            Stage.EVALUATING, Stage.MERGING, Stage.SEARCHING, Stage.PUBLISHING, Stage.DONE);
    assertThat(activities.merges).hasSize(1);
    assertThat(activities.models(activities.merges.get(0).students()))
        .extracting(m -> m.key().value())
        .containsExactly("student-1", "student-2", "student-3");
    assertThat(activities.evaluated)
        .containsExactlyInAnyOrder("teacher", "one-to-one", "o2mkd", "merged");
    assertThat(activities.evaluations.get("merged"))
        .extracting(m -> m.key().value())
        .containsExactly("merged-1", "student-3");
    assertThat(activities.searches).hasSize(1);
    assertThat(activities.searches.get(0).search()).isEqualTo(new ScheduleSearchSpec(5, 8));
    assertThat(activities.searches.get(0).oneToOne()).hasSize(1);
    assertThat(activities.models(activities.published.get(0).merged()))
        .extracting(m -> m.key().value())
        .containsExactly("merged-1", "student-3");
  }

  @Test
  void shouldPublishTheStudentsWhenTheyCannotBeMerged() {
    activities.mergeable = false;
    run(launch(merging(2)));

    assertThat(activities.evaluated).doesNotContain("merged");
    assertThat(activities.published.get(0).merged().models()).isZero();
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  @Test
  void shouldNeitherMergeNorSearchWhenTheSpecDoesNotAskForIt() {
    run(launch(2, false));

    assertThat(activities.merges).isEmpty();
    assertThat(activities.searches).isEmpty();
    assertThat(activities.stages).doesNotContain(Stage.MERGING, Stage.SEARCHING);
  }

  @Test
  void shouldFinishTheOtherStudentsAndWaitForRetryWhenOneDiverges() {
    activities.diverging.add("student-2");
    WorkflowStub workflow = launch(3, false);
    awaitStage(workflow, Stage.AWAITING_RETRY);

    assertThat(activities.trained.keySet())
        .containsExactlyInAnyOrder("teacher", "student-1", "student-3");
    assertThat(activities.failures).containsExactly("student-2 DIVERGED Diverged at step 7.");

    activities.diverging.clear();
    retry(workflow, ModelKey.student(2), learningRate(1e-5));
    run(workflow);

    assertThat(activities.trained).containsEntry("student-2", 1e-5);
    assertThat(activities.attempts).containsEntry("student-1", 1).containsEntry("student-2", 2);
    assertThat(activities.stages).contains(Stage.AWAITING_RETRY).endsWith(Stage.DONE);
  }

  private WorkflowStub launchAccumulating(boolean allowed) {
    return launch(
        StudentsSpecBuilder.builder()
            .count(2)
            .oneToOneBaseline(false)
            .training(
                TrainingSpecBuilder.builder()
                    .batchSize(32)
                    .accumulateWhenOutOfMemory(Optional.of(allowed))
                    .build())
            .build());
  }

  @Test
  void shouldTrainOnceMoreInSmallerPartsWhenMemoryRunsOutAndTheSpecAllowsIt() {
    activities.roomFor.put("student-2", 16);
    WorkflowStub workflow = launchAccumulating(true);
    run(workflow);

    assertThat(activities.failures)
        .containsExactly("student-2 OUT_OF_MEMORY Memory ran out in 1 parts.");
    assertThat(activities.requests).containsExactly("retry student-2 100000");
    assertThat(activities.attempts).containsEntry("student-1", 1).containsEntry("student-2", 2);
    assertThat(activities.stages).doesNotContain(Stage.AWAITING_RETRY).endsWith(Stage.DONE);
  }

  @Test
  void shouldWaitForRetryWhenMemoryRunsOutInSmallerPartsToo() {
    activities.roomFor.put("student-2", 8);
    WorkflowStub workflow = launchAccumulating(true);
    awaitStage(workflow, Stage.AWAITING_RETRY);

    assertThat(activities.failures)
        .containsExactly(
            "student-2 OUT_OF_MEMORY Memory ran out in 1 parts.",
            "student-2 OUT_OF_MEMORY Memory ran out in 2 parts.");
    assertThat(activities.attempts).containsEntry("student-2", 2);
  }

  @Test
  void shouldNotTryAgainWhenMemoryRunsOutAndTheSpecDoesNotAllowIt() {
    activities.roomFor.put("student-2", 16);
    WorkflowStub workflow = launchAccumulating(false);
    awaitStage(workflow, Stage.AWAITING_RETRY);

    assertThat(activities.failures)
        .containsExactly("student-2 OUT_OF_MEMORY Memory ran out in 1 parts.");
    assertThat(activities.attempts).containsEntry("student-2", 1);
    assertThat(activities.requests).isEmpty();
  }

  @Test
  void shouldAcceptRetryOfFailedStudentWhileAnotherStillTrains() {
    activities.diverging.add("student-1");
    activities.blocked.add("student-2");
    WorkflowStub workflow = launch(2, false);
    awaitState(workflow, ModelKey.student(1), ModelState.FAILED);

    activities.diverging.clear();
    retry(workflow, ModelKey.student(1), learningRate(1e-5));
    awaitState(workflow, ModelKey.student(1), ModelState.DONE);
    assertThat(activities.trained).doesNotContainKey("student-2");

    activities.release.countDown();
    run(workflow);
    assertThat(activities.stages).doesNotContain(Stage.AWAITING_RETRY).endsWith(Stage.DONE);
  }

  @Test
  void shouldWaitForRetryWhenTheTeacherDiverges() {
    activities.diverging.add("teacher");
    WorkflowStub workflow = launch(2, false);
    awaitStage(workflow, Stage.AWAITING_RETRY);
    assertThat(activities.trained).isEmpty();

    activities.diverging.clear();
    retry(workflow, ModelKey.TEACHER, TrainingOverrides.NONE);
    run(workflow);
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  @Test
  void shouldRefuseRetryOfModelThatHasNotFailedOrDoesNotExist() {
    activities.diverging.add("student-2");
    WorkflowStub workflow = launch(2, false);
    awaitStage(workflow, Stage.AWAITING_RETRY);

    assertThatThrownBy(() -> retry(workflow, ModelKey.student(1), TrainingOverrides.NONE))
        .isInstanceOf(WorkflowUpdateException.class)
        .hasStackTraceContaining("Cannot retry student-1: it is DONE");
    assertThatThrownBy(() -> retry(workflow, ModelKey.student(9), TrainingOverrides.NONE))
        .isInstanceOf(WorkflowUpdateException.class)
        .hasStackTraceContaining("has no model 'student-9'");
  }

  @Test
  void shouldFailBeforeTrainingWhenTheDatasetIsUnreachable() {
    activities.datasetReachable = false;
    WorkflowStub workflow = launch(2, false);

    assertThatThrownBy(() -> run(workflow)).isInstanceOf(WorkflowFailedException.class);
    assertThat(activities.stages).containsExactly(Stage.PREPARING_DATASET, Stage.FAILED);
    assertThat(activities.attempts).isEmpty();
  }

  @Test
  void shouldRecordCanceledAfterTheRunningStudentHasStopped() {
    activities.blocked.add("student-1");
    WorkflowStub workflow = launch(1, false);
    await(() -> activities.attempts.containsKey("student-1"));

    workflow.cancel();
    Updates.awaitOutcome(workflow, () -> activities.stopped.contains("student-1"));

    assertThatThrownBy(() -> run(workflow))
        .isInstanceOf(WorkflowFailedException.class)
        .hasCauseInstanceOf(CanceledFailure.class);
    assertThat(activities.stopped).containsExactly("student-1");
    assertThat(activities.stages).endsWith(Stage.CANCELED);
  }

  @Test
  void shouldImportTheTeacherInsteadOfTrainingItWhenTheSpecNamesASource() {
    run(launch(2, false, imported("teacher.pt")));

    assertThat(activities.imported).containsExactly("teacher.pt");
    assertThat(activities.trained.keySet()).containsExactlyInAnyOrder("student-1", "student-2");
    assertThat(activities.stages)
        .containsExactly(
            Stage.PREPARING_DATASET,
            Stage.IMPORTING_TEACHER,
            Stage.TRAINING_STUDENTS,
            Stage.EVALUATING,
            Stage.PUBLISHING,
            Stage.DONE);
    assertThat(activities.evaluated).containsExactlyInAnyOrder("teacher", "o2mkd");
    assertThat(activities.published.get(0).teacher().network()).isEmpty();
  }

  @Test
  void shouldGoOnWithTheForwardProcessThatTheTeacherBrings() {
    DiffusionSpec theirs =
        DiffusionSpecBuilder.builder()
            .timesteps(50)
            .schedule(DiffusionSpec.Schedule.COSINE)
            .build();
    activities.brought = Optional.of(theirs);
    run(launch(2, true, imported("vpred")));

    assertThat(activities.ranges)
        .containsEntry("student-1", new TimestepRange(0, 25))
        .containsEntry("student-2", new TimestepRange(25, 50))
        .containsEntry("one-to-one", new TimestepRange(0, 50));
    assertThat(activities.processes).containsOnly(theirs);
    assertThat(activities.published.get(0).spec().diffusion()).isEqualTo(theirs);
  }

  private static NetworkSpec ofLatentsAndTexts() {
    return NetworkSpecBuilder.builder()
        .latents(Optional.of(new NetworkSpec.LatentsSpec(4, 8)))
        .blocks(
            Optional.of(
                new NetworkSpec.BlocksSpec(
                    List.of(NetworkSpec.Block.CROSS_ATTENTION),
                    NetworkSpec.Middle.CROSS_ATTENTION,
                    List.of(NetworkSpec.Block.CROSS_ATTENTION))))
        .multipliers(List.of(1))
        .crossAttention(
            Optional.of(new NetworkSpec.CrossAttentionSpec(768, null, Optional.empty(), null)))
        .build();
  }

  @Test
  void shouldEndWithASentenceWhenStudentsDoNotReadWhatTheImportedTeacherDoes() {
    activities.taught = Optional.of(ofLatentsAndTexts());
    WorkflowStub workflow = launch(2, false, imported("stable-diffusion"));

    assertThatThrownBy(() -> run(workflow))
        .isInstanceOf(WorkflowFailedException.class)
        .hasRootCauseMessage(
            "message='dataset.captions is needed, as the teacher reads texts: expected {}. students.network.latents must be those of the teacher, 4 channels at 1/8, found pixels. students.network.crossAttention must read what the teacher does, 77 tokens of width 768, found no texts.', type='INVALID_SPEC', nonRetryable=true");
    assertThat(activities.encoded).isEmpty();
    assertThat(activities.trained).isEmpty();
    assertThat(activities.stages).endsWith(Stage.IMPORTING_TEACHER, Stage.FAILED);
  }

  @Test
  void shouldEncodeTheDatasetOnceTheTeachersNetworkIsKnown() {
    activities.taught = Optional.of(ofLatentsAndTexts());
    run(
        launch(
            ExperimentSpecBuilder.builder()
                .name("test")
                .dataset(
                    DatasetSpecBuilder.builder()
                        .captions(
                            Optional.of(
                                new DatasetSpec.CaptionsSpec(Optional.empty(), Optional.empty())))
                        .build())
                .teacher(imported("stable-diffusion"))
                .students(
                    StudentsSpecBuilder.builder().count(2).network(ofLatentsAndTexts()).build())
                .evaluation(
                    EvaluationSpecBuilder.builder()
                        .sampler(new SamplerSpec(null, null, null, null, false))
                        .build())
                .build()));

    assertThat(activities.stages)
        .containsSubsequence(
            Stage.IMPORTING_TEACHER, Stage.ENCODING_DATASET, Stage.TRAINING_STUDENTS);
    assertThat(activities.encoded)
        .singleElement()
        .satisfies(task -> assertThat(task.dataset().encoded()).isEmpty())
        .satisfies(task -> assertThat(task.teacher()).isPresent())
        .satisfies(task -> assertThat(task.mirrored()).isTrue());
    assertThat(activities.seen).containsOnly(Optional.of(ENCODED));
    assertThat(activities.published.get(0).dataset().encoded()).contains(ENCODED);
  }

  @Test
  void shouldTrainNothingUntilTheTeacherFitsWhenItsImportFails() {
    activities.teacherFits = false;
    WorkflowStub workflow = launch(1, false, imported("teacher.pt"));
    awaitStage(workflow, Stage.AWAITING_RETRY);
    assertThat(activities.trained).isEmpty();
    assertThat(activities.failures)
        .containsExactly("teacher TEACHER_INVALID Cannot import the teacher.");

    activities.teacherFits = true; // the user has put another file in its place
    retry(workflow, ModelKey.TEACHER, TrainingOverrides.NONE);
    run(workflow);
    assertThat(activities.imported).hasSize(2);
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  @Test
  void shouldTakeOverModelsThatAreTrainedAlreadyOrBecomeSoMeanwhile() {
    activities.trainedBefore.put("teacher", model(ModelKey.TEACHER));
    activities.trainedElsewhere.add("student-1");
    run(launch(2, false));

    assertThat(activities.trained.keySet()).containsExactly("student-2");
    assertThat(activities.models(activities.published.get(0).students()))
        .extracting(m -> m.key().value())
        .containsExactly("student-1", "student-2");
    assertThat(activities.stages).endsWith(Stage.DONE);
  }

  private static ModelRef model(ModelKey key) {
    return new ModelRef(
        key,
        Optional.of(dev.atelier.spec.NetworkSpec.ofWidth(32)),
        new TimestepRange(0, 1000),
        "elsewhere/" + key + "/manifest.json",
        "0".repeat(64),
        10);
  }

  @Test
  void shouldAskForTheRangesAfterTheTeacherWhenTheyAreMeasured() {
    run(launch(students(3, measured(), List.of(), true, StartFrom.RANDOM)));

    assertThat(activities.planned).containsExactly(AssignmentSpec.Kind.MEASURED);
    assertThat(activities.stages)
        .containsSubsequence(
            Stage.TRAINING_TEACHER, Stage.MEASURING_DRIFT, Stage.TRAINING_STUDENTS);
    assertThat(activities.ranges)
        .containsEntry("student-1", new TimestepRange(0, 10))
        .containsEntry("student-2", new TimestepRange(10, 20))
        .containsEntry("student-3", new TimestepRange(20, 1000))
        .containsEntry("one-to-one", new TimestepRange(0, 1000));
  }

  @Test
  void shouldPlanRangesWithoutTheStageOfMeasuringWhenTheyFollowTheSchedule() {
    var snr = new AssignmentSpec(AssignmentSpec.Kind.SNR, null, null);
    run(launch(students(2, snr, List.of(), false, StartFrom.RANDOM)));

    assertThat(activities.planned).containsExactly(AssignmentSpec.Kind.SNR);
    assertThat(activities.stages).doesNotContain(Stage.MEASURING_DRIFT);
    assertThat(activities.ranges).containsEntry("student-2", new TimestepRange(10, 1000));
  }

  @Test
  void shouldPlanNothingWhenTheRangesAreKnownAtLaunch() {
    run(launch(2, false));

    assertThat(activities.planned).isEmpty();
    assertThat(activities.stages).doesNotContain(Stage.MEASURING_DRIFT);
  }

  @Test
  void shouldFailWhenTheRangesCannotBeFound() {
    activities.plannable = false;
    WorkflowStub workflow = launch(students(2, measured(), List.of(), false, StartFrom.RANDOM));

    assertThatThrownBy(() -> run(workflow)).isInstanceOf(WorkflowFailedException.class);
    assertThat(activities.stages).endsWith(Stage.MEASURING_DRIFT, Stage.FAILED);
    assertThat(activities.trained.keySet()).containsExactly("teacher");
  }

  @Test
  void shouldLeaveARangeToTheTeacherWithoutTrainingWhenTheSpecSaysSo() {
    var override = new StudentOverride(2, TrainingOverrides.NONE, Optional.empty(), Owner.TEACHER);
    WorkflowStub workflow = launch(students(3, null, List.of(override), false, StartFrom.RANDOM));
    run(workflow);

    assertThat(activities.trained.keySet())
        .containsExactlyInAnyOrder("teacher", "student-1", "student-3");
    assertThat(activities.teacherRanges)
        .containsExactly(
            new RecordTeacherRange("1", ModelKey.student(2), new TimestepRange(333, 667)));
    assertThat(activities.models(activities.published.get(0).students()))
        .extracting(m -> m.key().value() + " " + m.range() + " " + m.manifestKey())
        .containsExactly(
            "student-1 [0, 333) student-1/manifest.json",
            "teacher [333, 667) teacher/manifest.json",
            "student-3 [667, 1000) student-3/manifest.json");
    assertThat(activities.evaluations.get("o2mkd"))
        .isEqualTo(activities.models(activities.published.get(0).students()));
    assertThat(progress(workflow).models())
        .extracting(m -> m.key().value())
        .containsExactly("teacher", "student-1", "student-3");
  }

  @Test
  void shouldTrainAStudentWithANetworkOfItsOwnWhenTheSpecNamesOne() {
    NetworkSpec wide = NetworkSpec.ofWidth(112);
    var override = new StudentOverride(1, TrainingOverrides.NONE, Optional.of(wide), null);
    run(launch(students(2, null, List.of(override), true, StartFrom.RANDOM)));

    NetworkSpec common = StudentsSpecBuilder.builder().count(2).build().network();
    assertThat(activities.networks)
        .containsEntry("student-1", wide)
        .containsEntry("student-2", common)
        .containsEntry("one-to-one", common);
  }

  @Test
  void shouldTrainTheOneToOneStudentFirstAndStartTheOthersFromItWhenAsked() {
    activities.diverging.add("one-to-one");
    WorkflowStub workflow = launch(students(2, null, List.of(), false, StartFrom.ONE_TO_ONE));
    awaitStage(workflow, Stage.AWAITING_RETRY);
    assertThat(activities.trained.keySet()).containsExactly("teacher");

    activities.diverging.clear();
    retry(workflow, ModelKey.ONE_TO_ONE, TrainingOverrides.NONE);
    run(workflow);
    assertThat(activities.stages)
        .containsSubsequence(
            Stage.TRAINING_TEACHER, Stage.TRAINING_ONE_TO_ONE, Stage.TRAINING_STUDENTS);
    assertThat(activities.starts)
        .containsEntry("one-to-one", "RANDOM")
        .containsEntry("student-1", "ONE_TO_ONE one-to-one/manifest.json")
        .containsEntry("student-2", "ONE_TO_ONE one-to-one/manifest.json");
    assertThat(activities.evaluated).containsExactlyInAnyOrder("teacher", "o2mkd");
  }

  @Test
  void shouldEvaluateTheOneToOneStudentWhenItIsStartAndBaseline() {
    run(launch(students(2, null, List.of(), true, StartFrom.ONE_TO_ONE)));

    assertThat(activities.evaluated).containsExactlyInAnyOrder("teacher", "one-to-one", "o2mkd");
    assertThat(activities.attempts).containsEntry("one-to-one", 1);
  }

  @Test
  void shouldStartEveryStudentAndTheBaselineFromTheTeacherWhenAsked() {
    run(launch(students(2, null, List.of(), true, StartFrom.TEACHER_TAYLOR)));

    assertThat(activities.starts)
        .containsEntry("one-to-one", "TEACHER_TAYLOR")
        .containsEntry("student-1", "TEACHER_TAYLOR")
        .containsEntry("student-2", "TEACHER_TAYLOR");
    assertThat(activities.stages).doesNotContain(Stage.TRAINING_ONE_TO_ONE);
  }

  @Test
  void shouldSampleInShardsAndCombineThemInOrder() {
    run(launch(sharded(1000, 300)));

    assertThat(activities.combined)
        .containsEntry("teacher", List.of(0, 320, 640, 960))
        .containsEntry("o2mkd", List.of(0, 320, 640, 960));
    assertThat(activities.shards)
        .containsExactlyInAnyOrder(
            new Shard(0, 320),
            new Shard(320, 320),
            new Shard(640, 320),
            new Shard(960, 40),
            new Shard(0, 320),
            new Shard(320, 320),
            new Shard(640, 320),
            new Shard(960, 40));
    assertThat(activities.discarded).hasValue(0);
  }

  @Test
  void shouldSampleNothingWhenAnotherExperimentHasTheFigures() {
    activities.evaluatedBefore.add("teacher");
    run(launch(1, false));

    assertThat(activities.evaluated).containsExactly("o2mkd");
    assertThat(activities.shards).hasSize(2);
  }

  @Test
  void shouldDiscardTheShardsWhenCanceledWhileOneIsSampled() {
    activities.blocked.add("shard");
    WorkflowStub workflow = launch(sharded(1000, 500));
    // All of both subjects: the server in memory writes an impossible history where a cancellation
    // comes while it hands a task out.
    await(() -> activities.sampling.get() == 4);
    workflow.cancel();
    Updates.awaitOutcome(workflow, () -> activities.stopped.contains("shard"));

    assertThatThrownBy(() -> run(workflow)).hasCauseInstanceOf(CanceledFailure.class);
    assertThat(activities.discarded).hasValue(1);
    assertThat(activities.stages).endsWith(Stage.CANCELED);
  }

  private static ExperimentSpec sharded(int samples, int perShard) {
    EvaluationSpec evaluation =
        EvaluationSpecBuilder.builder()
            .samples(samples)
            .samplesPerShard(Optional.of(perShard))
            .build();
    StudentsSpec one = StudentsSpecBuilder.builder().count(1).oneToOneBaseline(false).build();
    return ExperimentSpecBuilder.builder()
        .name("test")
        .students(one)
        .evaluation(evaluation)
        .build();
  }

  private static AssignmentSpec measured() {
    return new AssignmentSpec(AssignmentSpec.Kind.MEASURED, null, null);
  }

  private static StudentsSpec students(
      int count,
      AssignmentSpec assignment,
      List<StudentOverride> overrides,
      boolean oneToOne,
      StartFrom startFrom) {
    return StudentsSpecBuilder.builder()
        .count(count)
        .assignment(assignment)
        .overrides(overrides)
        .oneToOneBaseline(oneToOne)
        .startFrom(startFrom)
        .build();
  }

  @Test
  void shouldReadGivenStatisticsBeforeAnyTrainingAndMeasureTheDatasetOnlyAfterIt() {
    run(launch(1, false));
    assertThat(activities.trainedBeforeReference).containsExactly(2);

    activities.trainedBeforeReference.clear();
    activities.trained.clear();
    EvaluationSpec evaluation =
        EvaluationSpecBuilder.builder().reference(Optional.of("stats.npz")).build();
    StudentsSpec one = StudentsSpecBuilder.builder().count(1).oneToOneBaseline(false).build();
    run(
        start(
            "2",
            ExperimentSpecBuilder.builder()
                .name("test")
                .students(one)
                .evaluation(evaluation)
                .build()));
    assertThat(activities.trainedBeforeReference).containsExactly(0);
  }

  @ParameterizedTest
  @CsvSource({"shapes?count=200, atelier.files", "file:/data/cats, atelier.data"})
  void shouldKeepWhatTakesHoursOffTheQueueOfTheStages(String source, String queue) {
    run(
        launch(
            ExperimentSpecBuilder.builder()
                .name("test")
                .dataset(DatasetSpecBuilder.builder().source(source).build())
                .build()));

    Map<String, Set<String>> queues =
        environment
            .getWorkflowClient()
            .fetchHistory(DistillationWorkflow.workflowId("1"))
            .getEvents()
            .stream()
            .filter(HistoryEvent::hasActivityTaskScheduledEventAttributes)
            .map(HistoryEvent::getActivityTaskScheduledEventAttributes)
            .collect(
                Collectors.groupingBy(
                    scheduled -> scheduled.getActivityType().getName(),
                    Collectors.mapping(
                        scheduled -> scheduled.getTaskQueue().getName(), Collectors.toSet())));
    assertThat(queues).containsEntry("PrepareDataset", Set.of(queue));
    assertThat(queues).containsEntry("RecordStage", Set.of("atelier"));
  }

  private static TeacherSpec imported(String source) {
    return new TeacherSpec(Optional.of(source), null, null);
  }

  private WorkflowStub launch(int students, boolean oneToOne) {
    return launch(students, oneToOne, new TeacherSpec(Optional.empty(), null, null));
  }

  private WorkflowStub launch(int students, boolean oneToOne, TeacherSpec teacher) {
    return launch(
        StudentsSpecBuilder.builder().count(students).oneToOneBaseline(oneToOne).build(), teacher);
  }

  private WorkflowStub launch(StudentsSpec wanted) {
    return launch(wanted, new TeacherSpec(Optional.empty(), null, null));
  }

  private WorkflowStub launch(StudentsSpec wanted, TeacherSpec teacher) {
    return launch(
        ExperimentSpecBuilder.builder().name("test").teacher(teacher).students(wanted).build());
  }

  private static ExperimentSpec merging(int students) {
    return ExperimentSpecBuilder.builder()
        .name("test")
        .students(StudentsSpecBuilder.builder().count(students).oneToOneBaseline(true).build())
        .merge(
            new MergeSpec(
                MergeSpec.Kind.GREEDY, null, Optional.empty(), Optional.empty(), null, null))
        .search(new ScheduleSearchSpec(5, 8))
        .build();
  }

  private WorkflowStub launch(ExperimentSpec spec) {
    return start("1", spec);
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

  private static void run(WorkflowStub workflow) {
    Updates.awaitEnd(workflow);
  }

  private static TrainingOverrides learningRate(double learningRate) {
    return TrainingOverridesBuilder.builder().learningRate(Optional.of(learningRate)).build();
  }

  private static void retry(WorkflowStub workflow, ModelKey key, TrainingOverrides overrides) {
    Updates.ask(workflow, "retry", Void.class, new RetryRequest(key, overrides));
  }

  private void awaitStage(WorkflowStub workflow, Stage stage) {
    await(() -> progress(workflow).stage() == stage);
  }

  private void awaitState(WorkflowStub workflow, ModelKey key, ModelState state) {
    await(
        () ->
            progress(workflow).models().stream()
                .anyMatch(m -> m.key().equals(key) && m.state() == state));
  }

  private DistillationWorkflow.Progress progress(WorkflowStub workflow) {
    WorkflowClient client = environment.getWorkflowClient();
    return client
        .newWorkflowStub(DistillationWorkflow.class, workflow.getExecution().getWorkflowId())
        .progress();
  }

  private void await(java.util.function.BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      environment.sleep(Duration.ofMillis(50));
    }
  }

  /** Ends at once, diverges, or blocks until released, as the test says. */
  private static final class ScriptedActivities
      implements DatasetActivities,
          ReuseActivities,
          EncodingActivities,
          TrainingActivities,
          AssignmentActivities,
          EvaluationActivities,
          MergingActivities,
          EnsembleActivities,
          HistoryActivities {
    final List<EncodeDataset> encoded = new CopyOnWriteArrayList<>();
    final Set<Optional<EncodedRef>> seen = ConcurrentHashMap.newKeySet(); // of students
    final Map<String, List<ModelRef>> kept = new ConcurrentHashMap<>(); // by object key
    final List<Shard> shards = new CopyOnWriteArrayList<>();
    final AtomicInteger sampling = new AtomicInteger();
    final AtomicInteger discarded = new AtomicInteger();
    final Map<String, ModelRef> trainedBefore = new ConcurrentHashMap<>(); // by key
    final Set<String> trainedElsewhere = ConcurrentHashMap.newKeySet(); // at this moment

    final Set<String> diverging = ConcurrentHashMap.newKeySet();
    final Map<String, Integer> roomFor = new ConcurrentHashMap<>(); // samples at once
    final Set<String> blocked = ConcurrentHashMap.newKeySet();
    final CountDownLatch release = new CountDownLatch(1);
    volatile boolean datasetReachable = true;

    volatile boolean teacherFits = true;
    volatile boolean plannable = true;
    final List<String> imported = new CopyOnWriteArrayList<>();
    volatile Optional<NetworkSpec> taught = Optional.empty(); // of an imported teacher

    final List<Stage> stages = new CopyOnWriteArrayList<>();
    final Map<String, Double> trained = new ConcurrentHashMap<>(); // learning rate by model
    final List<Integer> trainedBeforeReference = new CopyOnWriteArrayList<>();
    final Map<String, TimestepRange> ranges = new ConcurrentHashMap<>();
    final Set<DiffusionSpec> processes = ConcurrentHashMap.newKeySet();
    volatile Optional<DiffusionSpec> brought = Optional.empty();
    final Map<String, Integer> attempts = new ConcurrentHashMap<>();
    final List<String> stopped = new CopyOnWriteArrayList<>();
    final List<String> failures = new CopyOnWriteArrayList<>();
    final List<AssignmentSpec.Kind> planned = new CopyOnWriteArrayList<>();
    final List<RecordTeacherRange> teacherRanges = new CopyOnWriteArrayList<>();
    final Map<String, NetworkSpec> networks = new ConcurrentHashMap<>();
    final Map<String, String> starts = new ConcurrentHashMap<>();
    final Map<String, List<ModelRef>> evaluations = new ConcurrentHashMap<>();
    final List<String> evaluated = new CopyOnWriteArrayList<>();
    final Set<String> evaluatedBefore = ConcurrentHashMap.newKeySet(); // elsewhere
    final Map<String, List<Integer>> combined = new ConcurrentHashMap<>(); // first images
    volatile boolean mergeable = true;
    final List<Merge> merges = new CopyOnWriteArrayList<>();
    final List<SearchSchedule> searches = new CopyOnWriteArrayList<>();
    final List<Publish> published = new CopyOnWriteArrayList<>();
    final List<String> requests = new CopyOnWriteArrayList<>();

    @Override
    public DatasetRef prepare(PrepareDataset task) {
      if (!datasetReachable) {
        throw ErrorType.DATASET_UNREACHABLE.failure("Cannot reach the dataset.", 1);
      }
      return DATASET;
    }

    @Override
    public EncodedRef encodeDataset(EncodeDataset task) {
      encoded.add(task);
      return ENCODED;
    }

    @Override
    public Found findTeacher(TrainTeacher task) {
      return find(ModelKey.TEACHER);
    }

    @Override
    public Found findStudent(TrainStudent task) {
      return find(task.key());
    }

    private Found find(ModelKey key) {
      if (trainedElsewhere.remove(key.value())) {
        trainedBefore.put(key.value(), model(key));
        throw ErrorType.DONE_ELSEWHERE.retriedAfter(Duration.ofSeconds(5), "Wait.");
      }
      return new Found(Optional.ofNullable(trainedBefore.get(key.value())));
    }

    @Override
    public ModelRef trainTeacher(TrainTeacher task) {
      return train(
          ModelKey.TEACHER,
          task.training().learningRate(),
          new TimestepRange(0, 1000),
          task.network());
    }

    @Override
    public ModelRef importTeacher(ImportTeacher task) {
      imported.add(task.source());
      if (!teacherFits) {
        throw ErrorType.TEACHER_INVALID.failure("Cannot import the teacher.", 1);
      }
      ModelRef teacher =
          new ModelRef(
              ModelKey.TEACHER,
              taught,
              new TimestepRange(0, 1000),
              "teacher/manifest.json",
              "0".repeat(64),
              0);
      return brought.map(teacher::bringing).orElse(teacher);
    }

    @Override
    public PlannedRanges planRanges(PlanRanges task) {
      planned.add(task.assignment().kind());
      if (!plannable) {
        throw ErrorType.INVALID_SPEC.failure("The teacher has no features.", 1);
      }
      List<TimestepRange> found = new ArrayList<>();
      for (int k = 0; k < task.students(); k++) {
        found.add(new TimestepRange(10 * k, k + 1 < task.students() ? 10 * k + 10 : 1000));
      }
      return new PlannedRanges(found);
    }

    @Override
    public ModelRef trainStudent(TrainStudent task) {
      processes.add(task.diffusion());
      seen.add(task.dataset().encoded());
      networks.put(task.key().value(), task.network());
      starts.put(
          task.key().value(),
          task.startFrom() + task.oneToOne().map(m -> " " + m.manifestKey()).orElse(""));
      Integer room = roomFor.get(task.key().value());
      int parts = task.training().accumulationSteps();
      if (room != null && task.training().batchSize() / parts > room) {
        attempts.merge(task.key().value(), 1, Integer::sum);
        throw ErrorType.OUT_OF_MEMORY.failure("Memory ran out in %d parts.".formatted(parts), 1);
      }
      return train(task.key(), task.training().learningRate(), task.range(), task.network());
    }

    private ModelRef train(
        ModelKey key, double learningRate, TimestepRange range, NetworkSpec network) {
      attempts.merge(key.value(), 1, Integer::sum);
      if (diverging.contains(key.value())) {
        throw ErrorType.DIVERGED.failure("Diverged at step 7.", 1);
      }
      block(key.value());
      trained.put(key.value(), learningRate);
      ranges.put(key.value(), range);
      return new ModelRef(
          key, Optional.of(network), range, key + "/manifest.json", "0".repeat(64), 10);
    }

    private void block(String name) {
      while (blocked.contains(name) && release.getCount() > 0) {
        try {
          Activity.getExecutionContext().heartbeat(null);
          Thread.sleep(20);
        } catch (ActivityCanceledException e) {
          stopped.add(name);
          throw e;
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
    }

    @Override
    public ExtractorRef prepareExtractor(PrepareExtractor task) {
      return new ExtractorRef("random-conv", "extractors/x.pt", "e".repeat(64));
    }

    @Override
    public StatisticsRef measureReference(MeasureReference task) {
      trainedBeforeReference.add(trained.size());
      return new StatisticsRef("statistics/x.safetensors", "a".repeat(64), 100);
    }

    @Override
    public FoundEvaluation findEvaluation(Evaluate task) {
      return new FoundEvaluation(
          evaluatedBefore.contains(task.subject().word())
              ? Optional.of(new Evaluated(task.subject(), 1.0))
              : Optional.empty());
    }

    @Override
    public ShardRef sampleShard(SampleShard task) {
      sampling.incrementAndGet();
      block("shard");
      shards.add(new Shard(task.first(), task.images()));
      return new ShardRef(
          "shards/" + task.first(),
          "0".repeat(64),
          task.first(),
          task.images(),
          1,
          1,
          Optional.empty());
    }

    @Override
    public Evaluated combineShards(CombineShards task) {
      String subject = task.subject().subject().word();
      evaluated.add(subject);
      evaluations.put(subject, models(task.subject().models()));
      combined.put(subject, task.shards().stream().map(ShardRef::first).toList());
      return new Evaluated(task.subject().subject(), 1.0);
    }

    @Override
    public EnsembleRef.Part keepModels(KeepModels task) {
      String key = "models/" + kept.size() + task.models().get(0).key();
      kept.put(key, task.models());
      return new EnsembleRef.Part(key, "0".repeat(64), task.models().size());
    }

    @Override
    public void discardShards(DiscardShards task) {
      discarded.incrementAndGet();
    }

    List<ModelRef> models(EnsembleRef ensemble) {
      return ensemble.parts().stream()
          .flatMap(part -> kept.get(part.objectKey()).stream())
          .toList();
    }

    /** All but the last student as one model, which owns their ranges. */
    @Override
    public Merged merge(Merge task) {
      merges.add(task);
      if (!mergeable) {
        return new Merged(new EnsembleRef(List.of()));
      }
      List<ModelRef> students = models(task.students());
      ModelRef last = students.get(students.size() - 1);
      ModelRef merged =
          new ModelRef(
              ModelKey.merged(1),
              last.network(),
              new TimestepRange(0, last.range().low()),
              "merged/manifest.json",
              "0".repeat(64),
              10);
      return new Merged(
          new EnsembleRef(List.of(keepModels(new KeepModels("1", List.of(merged, last))))));
    }

    @Override
    public void searchSchedule(SearchSchedule task) {
      searches.add(task);
    }

    @Override
    public void publish(Publish task) {
      published.add(task);
    }

    @Override
    public void recordStage(RecordStage stage) {
      stages.add(stage.stage());
    }

    @Override
    public void recordModelFailed(RecordModelFailed failed) {
      failures.add(failed.key() + " " + failed.errorType() + " " + failed.errorMessage());
    }

    @Override
    public void recordRetry(RecordRetry retry) {
      requests.add("retry " + retry.key() + " " + retry.steps());
    }

    @Override
    public void recordExtension(RecordExtension extension) {
      requests.add("extend " + extension.key() + " " + extension.steps());
    }

    @Override
    public void recordReplacement(RecordReplacement replacement) {
      requests.add("replace " + replacement.key() + " " + replacement.steps());
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
    public void recordReevaluation(RecordReevaluation reevaluation) {
      requests.add("forget " + reevaluation.subjects().size() + " " + reevaluation.asked());
    }

    @Override
    public void recordTeacherRange(RecordTeacherRange owned) {
      teacherRanges.add(owned);
    }
  }
}
