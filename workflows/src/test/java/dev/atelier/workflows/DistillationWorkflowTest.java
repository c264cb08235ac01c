package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.DistillationWorkflow.Input;
import dev.atelier.workflows.DistillationWorkflow.RetryRequest;
import io.temporal.activity.Activity;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.failure.CanceledFailure;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The workflow's decisions, with scripted activities in place of the long work. */
@Timeout(60)
class DistillationWorkflowTest {

  private static final DatasetRef DATASET = new DatasetRef("d".repeat(64), 100, 16, 3, 0, 0);

  private final ScriptedActivities activities = new ScriptedActivities();
  private TestWorkflowEnvironment environment;

  @BeforeEach
  void start() {
    environment = TestWorkflowEnvironment.newInstance();
    Worker light = environment.newWorker(TaskQueues.LIGHT);
    light.registerWorkflowImplementationTypes(DistillationWorkflowImpl.class);
    light.registerActivitiesImplementations(activities);
    environment.newWorker(TaskQueues.compute("cpu")).registerActivitiesImplementations(activities);
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
    assertThat(activities.published.get(0).students())
        .extracting(m -> m.key().value())
        .containsExactly("student-1", "student-2", "student-3");
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
    awaitState(workflow, ModelKey.student(1), ModelState.RUNNING);

    workflow.cancel();

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
  void shouldReadGivenStatisticsBeforeAnyTrainingAndMeasureTheDatasetOnlyAfterIt() {
    run(launch(1, false));
    assertThat(activities.trainedBeforeReference).containsExactly(2);

    activities.trainedBeforeReference.clear();
    activities.trained.clear();
    EvaluationSpec evaluation =
        new EvaluationSpec(
            null, null, null, null, null, null, null, Optional.of("stats.npz"), Optional.empty());
    StudentsSpec one = new StudentsSpec(1, null, null, null, null, null, null, false);
    run(
        start(
            "2", new ExperimentSpec("test", null, null, null, null, null, one, evaluation, null)));
    assertThat(activities.trainedBeforeReference).containsExactly(0);
  }

  private static TeacherSpec imported(String source) {
    return new TeacherSpec(Optional.of(source), null, null);
  }

  private WorkflowStub launch(int students, boolean oneToOne) {
    return launch(students, oneToOne, new TeacherSpec(Optional.empty(), null, null));
  }

  private WorkflowStub launch(int students, boolean oneToOne, TeacherSpec teacher) {
    StudentsSpec wanted = new StudentsSpec(students, null, null, null, null, null, null, oneToOne);
    ExperimentSpec spec =
        new ExperimentSpec("test", null, null, null, null, teacher, wanted, null, null);
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
    workflow.getResult(Void.class);
  }

  private static TrainingOverrides learningRate(double learningRate) {
    return new TrainingOverrides(
        Optional.empty(),
        Optional.empty(),
        Optional.of(learningRate),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private static void retry(WorkflowStub workflow, ModelKey key, TrainingOverrides overrides) {
    workflow.update("retry", Void.class, new RetryRequest(key, overrides));
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
      implements DatasetActivities, TrainingActivities, EvaluationActivities, HistoryActivities {
    final Set<String> diverging = ConcurrentHashMap.newKeySet();
    final Set<String> blocked = ConcurrentHashMap.newKeySet();
    final CountDownLatch release = new CountDownLatch(1);
    volatile boolean datasetReachable = true;

    volatile boolean teacherFits = true;
    final List<String> imported = new CopyOnWriteArrayList<>();

    final List<Stage> stages = new CopyOnWriteArrayList<>();
    final Map<String, Double> trained = new ConcurrentHashMap<>(); // learning rate by model
    final List<Integer> trainedBeforeReference = new CopyOnWriteArrayList<>();
    final Map<String, TimestepRange> ranges = new ConcurrentHashMap<>();
    final Map<String, Integer> attempts = new ConcurrentHashMap<>();
    final List<String> stopped = new CopyOnWriteArrayList<>();
    final List<String> failures = new CopyOnWriteArrayList<>();
    final List<String> evaluated = new CopyOnWriteArrayList<>();
    final List<Publish> published = new CopyOnWriteArrayList<>();

    @Override
    public DatasetRef prepare(PrepareDataset task) {
      if (!datasetReachable) {
        throw ErrorType.DATASET_UNREACHABLE.failure("Cannot reach the dataset.", 1, null);
      }
      return DATASET;
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
        throw ErrorType.TEACHER_INVALID.failure("Cannot import the teacher.", 1, null);
      }
      return new ModelRef(
          ModelKey.TEACHER,
          Optional.empty(),
          new TimestepRange(0, 1000),
          "teacher/manifest.json",
          "0".repeat(64),
          0);
    }

    @Override
    public ModelRef trainStudent(TrainStudent task) {
      return train(task.key(), task.training().learningRate(), task.range(), task.network());
    }

    private ModelRef train(
        ModelKey key,
        double learningRate,
        TimestepRange range,
        dev.atelier.spec.NetworkSpec network) {
      attempts.merge(key.value(), 1, Integer::sum);
      if (diverging.contains(key.value())) {
        throw ErrorType.DIVERGED.failure("Diverged at step 7.", 1, null);
      }
      while (blocked.contains(key.value()) && release.getCount() > 0) {
        try {
          Activity.getExecutionContext().heartbeat(null);
          Thread.sleep(20);
        } catch (ActivityCanceledException e) {
          stopped.add(key.value());
          throw e;
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      trained.put(key.value(), learningRate);
      ranges.put(key.value(), range);
      return new ModelRef(
          key, Optional.of(network), range, key + "/manifest.json", "0".repeat(64), 10);
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
    public Evaluated evaluate(Evaluate task) {
      evaluated.add(task.subject().label());
      return new Evaluated(task.subject(), 1.0);
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
    public void recordRetry(RecordRetry retry) {}
  }
}
