package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.EvaluationActivities.PrepareExtractor;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.EvaluationActivities.Subject;
import dev.atelier.workflows.HistoryActivities.RecordModelFailed;
import dev.atelier.workflows.HistoryActivities.RecordRetry;
import dev.atelier.workflows.HistoryActivities.RecordStage;
import dev.atelier.workflows.TrainingActivities.ImportTeacher;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** Dataset, teacher, students all at once, evaluation, files: the story of an experiment. */
public final class DistillationWorkflowImpl implements DistillationWorkflow {

  private final HistoryActivities history =
      Workflow.newActivityStub(HistoryActivities.class, Activities.DATABASE);
  private final DatasetActivities datasets =
      Workflow.newActivityStub(DatasetActivities.class, Activities.DATASET);

  private final String experimentId;
  private final ExperimentSpec spec;
  private final ModelTraining teacher;
  private final List<ModelTraining> students; // in order of their ranges
  private final List<ModelTraining> oneToOne; // empty or one
  private Stage stage = Stage.QUEUED;

  @WorkflowInit
  public DistillationWorkflowImpl(Input input) {
    experimentId = input.experimentId();
    spec = input.spec();
    StudentsSpec wanted = spec.students();
    teacher = new ModelTraining(ModelKey.TEACHER, spec.teacher().training());
    students = new ArrayList<>();
    for (int k = 1; k <= wanted.count(); k++) {
      TrainingSpec training = wanted.overridesOf(k).applyTo(wanted.training());
      students.add(new ModelTraining(ModelKey.student(k), training));
    }
    oneToOne =
        wanted.oneToOneBaseline()
            ? List.of(new ModelTraining(ModelKey.ONE_TO_ONE, wanted.training()))
            : List.of();
  }

  @Override
  public void run(Input input) {
    try {
      distil();
      enter(Stage.DONE);
    } catch (TemporalFailure e) {
      // Recorded outside the workflow's scope, which may be canceled.
      CancellationScope end = Workflow.newDetachedCancellationScope(() -> recordEnd(e));
      end.run();
      throw e;
    }
  }

  private void distil() {
    enter(Stage.PREPARING_DATASET);
    DatasetRef dataset =
        datasets.prepare(new DatasetActivities.PrepareDataset(experimentId, spec.dataset()));
    // What the evaluation needs is fetched and checked now, so that a wrong file fails before hours
    // of training.
    ExtractorRef extractor =
        evaluation("feature extractor")
            .prepareExtractor(new PrepareExtractor(experimentId, spec.evaluation(), dataset));
    Optional<StatisticsRef> given =
        spec.evaluation()
            .reference()
            .map(source -> reference("statistics of " + source, dataset, extractor));

    Optional<String> source = spec.teacher().source();
    teacher.work =
        training ->
            source
                .map(from -> importTeacher(dataset, from))
                .orElseGet(() -> trainTeacher(dataset, training));
    trainUntilDone(
        List.of(teacher), source.isPresent() ? Stage.IMPORTING_TEACHER : Stage.TRAINING_TEACHER);

    List<TimestepRange> ranges =
        spec.students().assignment().ranges(students.size(), spec.diffusion().timesteps());
    for (int i = 0; i < students.size(); i++) {
      ModelTraining student = students.get(i);
      TimestepRange range = ranges.get(i);
      student.work = training -> trainStudent(dataset, student.key, range, training);
    }
    TimestepRange whole = new TimestepRange(0, spec.diffusion().timesteps());
    for (ModelTraining student : oneToOne) {
      student.work = training -> trainStudent(dataset, student.key, whole, training);
    }
    trainUntilDone(
        Stream.concat(students.stream(), oneToOne.stream()).toList(), Stage.TRAINING_STUDENTS);

    enter(Stage.EVALUATING);
    StatisticsRef reference =
        given.orElseGet(() -> reference("features of the dataset", dataset, extractor));
    Comparison comparison = new Comparison(dataset, extractor, reference);
    List<Promise<Evaluated>> evaluations = new ArrayList<>();
    evaluations.add(evaluate(Subject.TEACHER, comparison, List.of(teacher)));
    if (!oneToOne.isEmpty()) {
      evaluations.add(evaluate(Subject.ONE_TO_ONE, comparison, oneToOne));
    }
    evaluations.add(evaluate(Subject.O2MKD, comparison, students));
    Promise.allOf(evaluations).get();

    enter(Stage.PUBLISHING);
    evaluation("TorchScript and safetensors files")
        .publish(
            new Publish(
                experimentId,
                spec,
                dataset,
                teacher.result(),
                students.stream().map(ModelTraining::result).toList(),
                oneToOne.stream().map(ModelTraining::result).toList()));
  }

  /** Starts every model at once and returns when all are trained; a failed one waits for retry. */
  private void trainUntilDone(List<ModelTraining> models, Stage trainingStage) {
    models.forEach(ModelTraining::start);
    while (true) {
      for (ModelTraining model : models) {
        if (model.hasEnded()) {
          settle(model);
        }
        if (model.retryRequested) {
          history.recordRetry(new RecordRetry(experimentId, model.key, model.overrides));
          model.start();
        }
      }
      if (models.stream().allMatch(m -> m.state == ModelState.DONE)) {
        return;
      }
      boolean training = models.stream().anyMatch(m -> m.state == ModelState.RUNNING);
      enter(training ? trainingStage : Stage.AWAITING_RETRY);
      Workflow.await(() -> models.stream().anyMatch(m -> m.hasEnded() || m.retryRequested));
    }
  }

  private void settle(ModelTraining model) {
    RuntimeException failure = model.ended.getFailure();
    if (failure == null) {
      model.state = ModelState.DONE;
      return;
    }
    if (isCancellation(failure)) {
      throw failure;
    }
    model.state = ModelState.FAILED;
    Failure reason = Failure.of(failure);
    history.recordModelFailed(
        new RecordModelFailed(experimentId, model.key, reason.type, reason.message));
  }

  private Promise<ModelRef> importTeacher(DatasetRef dataset, String source) {
    return Async.function(
        training("teacher, imported")::importTeacher,
        new ImportTeacher(
            experimentId, source, dataset, spec.diffusion(), spec.teacher().network()));
  }

  private Promise<ModelRef> trainTeacher(DatasetRef dataset, TrainingSpec training) {
    return Async.function(
        training("teacher, %d steps".formatted(training.steps()))::trainTeacher,
        new TrainTeacher(
            experimentId,
            spec.seed(),
            dataset,
            spec.diffusion(),
            spec.teacher().network(),
            training));
  }

  private Promise<ModelRef> trainStudent(
      DatasetRef dataset, ModelKey key, TimestepRange range, TrainingSpec training) {
    StudentsSpec wanted = spec.students();
    String summary =
        key.equals(ModelKey.ONE_TO_ONE)
            ? "one-to-one baseline, t in %s, %d steps".formatted(range, training.steps())
            : "%s of %d, t in %s, %d steps".formatted(key, wanted.count(), range, training.steps());
    return Async.function(
        training(summary)::trainStudent,
        new TrainStudent(
            experimentId,
            key,
            spec.seed(),
            dataset,
            spec.diffusion(),
            wanted.network(),
            training,
            teacher.result(),
            range,
            wanted.specificProbability(),
            wanted.loss()));
  }

  private StatisticsRef reference(String summary, DatasetRef dataset, ExtractorRef extractor) {
    return evaluation(summary)
        .measureReference(
            new MeasureReference(experimentId, dataset, spec.evaluation(), extractor));
  }

  /** What every subject is compared with, and how. */
  private record Comparison(DatasetRef dataset, ExtractorRef extractor, StatisticsRef reference) {}

  private Promise<Evaluated> evaluate(
      Subject subject, Comparison with, List<ModelTraining> models) {
    return Async.function(
        evaluation(subject.label())::evaluate,
        new Evaluate(
            experimentId,
            subject,
            with.dataset(),
            spec.diffusion(),
            spec.evaluation(),
            with.extractor(),
            with.reference(),
            models.stream().map(ModelTraining::result).toList()));
  }

  private TrainingActivities training(String summary) {
    return Workflow.newActivityStub(
        TrainingActivities.class, Activities.compute(spec.compute(), summary));
  }

  private EvaluationActivities evaluation(String summary) {
    return Workflow.newActivityStub(
        EvaluationActivities.class, Activities.compute(spec.compute(), summary));
  }

  private void enter(Stage next) {
    if (stage != next) {
      stage = next;
      Workflow.setCurrentDetails(details());
      history.recordStage(new RecordStage(experimentId, next, "", ""));
    }
  }

  private void recordEnd(TemporalFailure failure) {
    // A model that is still saving its last checkpoint is waited for.
    Workflow.await(
        () -> models().noneMatch(m -> m.state == ModelState.RUNNING && !m.ended.isCompleted()));
    stage = isCancellation(failure) ? Stage.CANCELED : Stage.FAILED;
    Failure reason = stage == Stage.CANCELED ? Failure.NONE : Failure.of(failure);
    history.recordStage(new RecordStage(experimentId, stage, reason.type, reason.message));
  }

  private String details() {
    StringBuilder text = new StringBuilder("**").append(stage).append("**\n\n");
    models()
        .forEach(m -> text.append("- ").append(m.key).append(": ").append(m.state).append('\n'));
    return text.toString();
  }

  private Stream<ModelTraining> models() {
    return Stream.of(Stream.of(teacher), students.stream(), oneToOne.stream())
        .flatMap(models -> models);
  }

  @Override
  public void validateRetry(RetryRequest request) {
    ModelTraining model =
        models()
            .filter(m -> m.key.equals(request.key()))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "Experiment %s has no model '%s'; it has %s."
                            .formatted(
                                experimentId, request.key(), models().map(m -> m.key).toList())));
    if (model.state != ModelState.FAILED || model.retryRequested) {
      throw new IllegalArgumentException(
          "Cannot retry %s: it is %s, and only a failed model can be retried."
              .formatted(model.key, model.retryRequested ? "about to start" : model.state));
    }
  }

  @Override
  public void retry(RetryRequest request) {
    models()
        .filter(m -> m.key.equals(request.key()))
        .findFirst()
        .orElseThrow()
        .requestRetry(request);
  }

  @Override
  public Progress progress() {
    return new Progress(stage, models().map(m -> new ModelProgress(m.key, m.state)).toList());
  }

  private static boolean isCancellation(Throwable failure) {
    return failure instanceof CanceledFailure
        || (failure instanceof ActivityFailure && failure.getCause() instanceof CanceledFailure);
  }

  /** Type and sentence of a failure, for the history. */
  private record Failure(String type, String message) {

    static final Failure NONE = new Failure("", "");

    static Failure of(Throwable failure) {
      Throwable cause = failure instanceof ActivityFailure ? failure.getCause() : failure;
      if (cause instanceof ApplicationFailure application) {
        return new Failure(application.getType(), application.getOriginalMessage());
      }
      return new Failure(
          ErrorType.WORKER_LOST.name(), "The work timed out or was lost: " + cause.getMessage());
    }
  }

  /** One model's way from pending to done, over as many attempts as it takes. */
  private static final class ModelTraining {
    final ModelKey key;
    private TrainingSpec training;
    Function<TrainingSpec, Promise<ModelRef>> work;
    Promise<ModelRef> ended;
    ModelState state = ModelState.PENDING;
    boolean retryRequested;
    TrainingOverrides overrides = TrainingOverrides.NONE;

    ModelTraining(ModelKey key, TrainingSpec training) {
      this.key = key;
      this.training = training;
    }

    void start() {
      retryRequested = false;
      state = ModelState.RUNNING;
      ended = work.apply(training);
    }

    /** True once the running attempt has a result or a failure that is not yet settled. */
    boolean hasEnded() {
      return state == ModelState.RUNNING && ended.isCompleted();
    }

    void requestRetry(RetryRequest request) {
      overrides = request.overrides();
      training = overrides.applyTo(training);
      retryRequested = true;
    }

    ModelRef result() {
      return ended.get();
    }
  }
}
