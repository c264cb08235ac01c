package dev.atelier.workflows;

import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.EvaluationSpec.Shard;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.SchedulingSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.workflows.AssignmentActivities.PlanRanges;
import dev.atelier.workflows.EnsembleActivities.DiscardShards;
import dev.atelier.workflows.EnsembleActivities.KeepModels;
import dev.atelier.workflows.EvaluationActivities.CombineShards;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.EvaluationActivities.PrepareExtractor;
import dev.atelier.workflows.EvaluationActivities.Publish;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.EvaluationActivities.Subject;
import dev.atelier.workflows.HistoryActivities.RecordModelFailed;
import dev.atelier.workflows.HistoryActivities.RecordRetry;
import dev.atelier.workflows.HistoryActivities.RecordStage;
import dev.atelier.workflows.HistoryActivities.RecordTeacherRange;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.MergingActivities.Merge;
import dev.atelier.workflows.MergingActivities.SearchSchedule;
import dev.atelier.workflows.ReuseActivities.Found;
import dev.atelier.workflows.TrainingActivities.ImportTeacher;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import io.temporal.activity.ActivityOptions;
import io.temporal.common.Priority;
import io.temporal.common.SearchAttributeUpdate;
import io.temporal.common.VersioningBehavior;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Functions.Func1;
import io.temporal.workflow.Promise;
import io.temporal.workflow.SignalExternalWorkflowException;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import io.temporal.workflow.WorkflowVersioningBehavior;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/** Dataset, teacher, students all at once, evaluation, files: the story of an experiment. */
public final class DistillationWorkflowImpl implements DistillationWorkflow {

  /** Of 10,240; what follows the training of students needs up to 1,800. */
  static final long MOST_EVENTS = 8_000;

  private final HistoryActivities history =
      Workflow.newActivityStub(HistoryActivities.class, Activities.DATABASE);
  private final DatasetActivities datasets =
      Workflow.newActivityStub(DatasetActivities.class, Activities.DATASET);

  private final ReuseActivities reuse =
      Workflow.newActivityStub(ReuseActivities.class, Activities.REUSE);
  private final ReuseActivities reuseAtOnce =
      Workflow.newLocalActivityStub(ReuseActivities.class, Activities.REUSE_AT_ONCE);
  private final EnsembleActivities ensembles =
      Workflow.newActivityStub(EnsembleActivities.class, Activities.STORE);

  private final String experimentId;
  private final ExperimentSpec spec;
  private final ModelTraining teacher;
  private final List<ModelTraining> students; // those that are trained, in order of their ranges
  private final List<ModelTraining> oneToOne; // empty or one
  private final Set<ModelKey> retried = new HashSet<>();
  private final Priority priority;
  private Stage stage = Stage.QUEUED;
  private boolean shardsKept;
  private double bestDistance = Double.POSITIVE_INFINITY;

  @WorkflowInit
  public DistillationWorkflowImpl(Input input) {
    experimentId = input.experimentId();
    spec = input.spec();
    priority = priority(spec.scheduling());
    StudentsSpec wanted = spec.students();
    teacher = new ModelTraining(ModelKey.TEACHER, spec.teacher().training());
    students = new ArrayList<>();
    for (int k = 1; k <= wanted.count(); k++) {
      if (!wanted.ownedByTeacher(k)) {
        TrainingSpec training = wanted.overridesOf(k).applyTo(wanted.training());
        students.add(new ModelTraining(ModelKey.student(k), training));
      }
    }
    oneToOne =
        wanted.trainsOneToOne()
            ? List.of(new ModelTraining(ModelKey.ONE_TO_ONE, wanted.training()))
            : List.of();
  }

  @Override
  @WorkflowVersioningBehavior(VersioningBehavior.AUTO_UPGRADE) // trains for days: see Workers
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

    List<TimestepRange> ranges = ranges(dataset);
    trainStudents(dataset, ranges);
    List<ModelRef> specialists = specialists(ranges);

    enter(Stage.EVALUATING);
    EnsembleRef ensemble = keep(specialists);
    StatisticsRef reference =
        given.orElseGet(() -> reference("features of the dataset", dataset, extractor));
    Comparison comparison = new Comparison(dataset, extractor, reference);
    List<Promise<Evaluated>> evaluations = new ArrayList<>();
    evaluations.add(evaluate(Subject.TEACHER, comparison, keep(List.of(teacher.result()))));
    if (spec.students().oneToOneBaseline()) {
      evaluations.add(evaluate(Subject.ONE_TO_ONE, comparison, keep(results(oneToOne))));
    }
    evaluations.add(evaluate(Subject.O2MKD, comparison, ensemble));
    Promise.allOf(evaluations).get();

    EnsembleRef merged = merge(comparison, ensemble);
    searchSchedule(comparison, ensemble);

    enter(Stage.PUBLISHING);
    evaluation("TorchScript and safetensors files")
        .publish(
            new Publish(
                experimentId,
                spec,
                dataset,
                teacher.result(),
                ensemble,
                results(oneToOne),
                merged));
  }

  /** One range per student: as the spec has them, or found now that the teacher is there. */
  private List<TimestepRange> ranges(DatasetRef dataset) {
    AssignmentSpec assignment = spec.students().assignment();
    int count = spec.students().count();
    if (!assignment.plannedLater()) {
      return assignment.ranges(count, spec.diffusion().timesteps());
    }
    if (assignment.kind() == AssignmentSpec.Kind.MEASURED) {
      enter(Stage.MEASURING_DRIFT);
    }
    return Workflow.newActivityStub(AssignmentActivities.class, compute("ranges of timesteps"))
        .planRanges(
            new PlanRanges(
                experimentId,
                spec.seed(),
                dataset,
                spec.diffusion(),
                assignment,
                count,
                teacher.result()))
        .ranges();
  }

  /** Trains the one-to-one student first where the others start from it, else all at once. */
  private void trainStudents(DatasetRef dataset, List<TimestepRange> ranges) {
    StudentsSpec wanted = spec.students();
    boolean oneToOneFirst = wanted.startFrom() == StartFrom.ONE_TO_ONE;
    for (int k = 1; k <= wanted.count(); k++) {
      if (wanted.ownedByTeacher(k)) {
        history.recordTeacherRange(
            new RecordTeacherRange(experimentId, ModelKey.student(k), ranges.get(k - 1)));
      }
    }
    for (ModelTraining student : students) {
      int k = student.key.student().orElseThrow();
      student.work =
          training ->
              trainStudent(
                  dataset,
                  student.key,
                  wanted.networkOf(k),
                  ranges.get(k - 1),
                  training,
                  wanted.startFrom());
    }
    TimestepRange whole = new TimestepRange(0, spec.diffusion().timesteps());
    StartFrom start = oneToOneFirst ? StartFrom.RANDOM : wanted.startFrom();
    for (ModelTraining student : oneToOne) {
      student.work =
          training -> trainStudent(dataset, student.key, wanted.network(), whole, training, start);
    }
    if (oneToOneFirst) {
      trainUntilDone(oneToOne, Stage.TRAINING_ONE_TO_ONE);
      trainUntilDone(students, Stage.TRAINING_STUDENTS);
    } else {
      trainUntilDone(
          Stream.concat(students.stream(), oneToOne.stream()).toList(), Stage.TRAINING_STUDENTS);
    }
  }

  /** The owner of each range, in order: a student, or the teacher. */
  private List<ModelRef> specialists(List<TimestepRange> ranges) {
    List<ModelRef> owners = new ArrayList<>();
    Iterator<ModelTraining> trained = students.iterator();
    for (int k = 1; k <= ranges.size(); k++) {
      owners.add(
          spec.students().ownedByTeacher(k)
              ? teacher.result().owning(ranges.get(k - 1))
              : trained.next().result());
    }
    return owners;
  }

  /** The models as objects, which payloads name. */
  private EnsembleRef keep(List<ModelRef> models) {
    List<Promise<EnsembleRef.Part>> parts = new ArrayList<>();
    int most = EnsembleActivities.MODELS_PER_PART;
    for (int from = 0; from < models.size(); from += most) {
      // A copy: a view of the list can't be a payload.
      List<ModelRef> part = List.copyOf(models.subList(from, Math.min(from + most, models.size())));
      parts.add(Async.function(ensembles::keepModels, new KeepModels(experimentId, part)));
    }
    return new EnsembleRef(parts.stream().map(Promise::get).toList());
  }

  /** The students joined as the spec wants, and evaluated; empty: not asked for, or impossible. */
  private EnsembleRef merge(Comparison with, EnsembleRef specialists) {
    MergeSpec wanted = spec.merge();
    if (wanted.kind() == MergeSpec.Kind.NONE) {
      return new EnsembleRef(List.of());
    }
    enter(Stage.MERGING);
    EnsembleRef merged =
        merging("merge of %d students".formatted(specialists.models()))
            .merge(new Merge(experimentId, spec.seed(), wanted, measure(with), specialists))
            .models();
    if (merged.models() > 0) {
      evaluate(Subject.MERGED, with, merged).get();
    }
    return merged;
  }

  private void searchSchedule(Comparison with, EnsembleRef specialists) {
    ScheduleSearchSpec wanted = spec.search();
    if (wanted.evaluations() == 0) {
      return;
    }
    enter(Stage.SEARCHING);
    merging("search of %d schedules".formatted(wanted.evaluations()))
        .searchSchedule(
            new SearchSchedule(
                experimentId,
                spec.seed(),
                wanted,
                measure(with),
                teacher.result(),
                specialists,
                results(oneToOne)));
  }

  private Measure measure(Comparison with) {
    return new Measure(
        with.dataset(), spec.diffusion(), spec.evaluation(), with.extractor(), with.reference());
  }

  private static List<ModelRef> results(List<ModelTraining> models) {
    return models.stream().map(ModelTraining::result).toList();
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
          retried.add(model.key);
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
    TrainTeacher task =
        new TrainTeacher(
            experimentId,
            spec.seed(),
            dataset,
            spec.diffusion(),
            spec.teacher().network(),
            training);
    TrainingActivities work = training("teacher, %d steps".formatted(training.steps()));
    return unlessFound(
        ModelKey.TEACHER, task, reuseAtOnce::findTeacher, reuse::findTeacher, work::trainTeacher);
  }

  private Promise<ModelRef> trainStudent(
      DatasetRef dataset,
      ModelKey key,
      NetworkSpec network,
      TimestepRange range,
      TrainingSpec training,
      StartFrom startFrom) {
    StudentsSpec wanted = spec.students();
    String summary =
        key.equals(ModelKey.ONE_TO_ONE)
            ? "one-to-one baseline, t in %s, %d steps".formatted(range, training.steps())
            : "%s of %d, t in %s, %d steps".formatted(key, wanted.count(), range, training.steps());
    TrainStudent task =
        new TrainStudent(
            experimentId,
            key,
            spec.seed(),
            dataset,
            spec.diffusion(),
            network,
            training,
            teacher.result(),
            range,
            wanted.specificProbability(),
            wanted.loss(),
            wanted.antithetic(),
            startFrom,
            startFrom == StartFrom.ONE_TO_ONE
                ? Optional.of(oneToOne.get(0).result())
                : Optional.empty());
    TrainingActivities work = training(summary);
    return unlessFound(key, task, reuseAtOnce::findStudent, reuse::findStudent, work::trainStudent);
  }

  /**
   * Trains a model unless an equal one is there already, or comes while this one waits. A retried
   * one goes on from what it has learned, perhaps with other settings: it is like no other.
   */
  private <T> Promise<ModelRef> unlessFound(
      ModelKey key,
      T task,
      Func1<T, Found> findAtOnce,
      Func1<T, Found> find,
      Func1<T, ModelRef> train) {
    if (spec.reuse() == ExperimentSpec.Reuse.NEVER || retried.contains(key)) {
      return Async.function(train, task);
    }
    // A thread, not chained promises: what a promise's callback starts is in no scope that a
    // cancellation reaches.
    return Async.function(
        () -> found(task, findAtOnce, find).model().orElseGet(() -> train.apply(task)));
  }

  /** Asks at once, which costs little history, and patiently where that has failed. */
  private static <T> Found found(T task, Func1<T, Found> atOnce, Func1<T, Found> patiently) {
    try {
      return atOnce.apply(task);
    } catch (ActivityFailure e) {
      if (isCancellation(e)) {
        throw e;
      }
      return patiently.apply(task);
    }
  }

  private StatisticsRef reference(String summary, DatasetRef dataset, ExtractorRef extractor) {
    return evaluation(summary)
        .measureReference(
            new MeasureReference(experimentId, dataset, spec.evaluation(), extractor));
  }

  /** What every subject is compared with, and how. */
  private record Comparison(DatasetRef dataset, ExtractorRef extractor, StatisticsRef reference) {}

  /** Samples from the models in shards, all at once, and judges all samples together. */
  private Promise<Evaluated> evaluate(Subject subject, Comparison with, EnsembleRef models) {
    Evaluate task =
        new Evaluate(
            experimentId,
            subject,
            with.dataset(),
            spec.diffusion(),
            spec.evaluation(),
            with.extractor(),
            with.reference(),
            models,
            spec.reuse());
    return Async.function(
        () -> judged(reuse.findEvaluation(task).evaluated().orElseGet(() -> evaluate(task))));
  }

  private Evaluated judged(Evaluated evaluated) {
    if (evaluated.subject() != Subject.TEACHER && evaluated.distance() < bestDistance) {
      bestDistance = evaluated.distance();
      publish(FoundBy.BEST_DISTANCE.valueSet(bestDistance));
    }
    return evaluated;
  }

  private Evaluated evaluate(Evaluate task) {
    shardsKept = true;
    List<Shard> shards = spec.evaluation().shards();
    List<Promise<ShardRef>> sampled = new ArrayList<>();
    for (int k = 0; k < shards.size(); k++) {
      Shard shard = shards.get(k);
      String summary =
          "%s, shard %d of %d, %d images"
              .formatted(task.subject().label(), k + 1, shards.size(), shard.images());
      sampled.add(
          Async.function(
              evaluation(summary)::sampleShard,
              new SampleShard(task, shard.first(), shard.images())));
    }
    Promise.allOf(sampled).get();
    return evaluation("%s, figures".formatted(task.subject().label()))
        .combineShards(new CombineShards(task, sampled.stream().map(Promise::get).toList()));
  }

  private TrainingActivities training(String summary) {
    return Workflow.newActivityStub(TrainingActivities.class, compute(summary));
  }

  private MergingActivities merging(String summary) {
    return Workflow.newActivityStub(MergingActivities.class, compute(summary));
  }

  private EvaluationActivities evaluation(String summary) {
    return Workflow.newActivityStub(EvaluationActivities.class, compute(summary));
  }

  private ActivityOptions compute(String summary) {
    return Activities.compute(spec.compute(), summary, priority);
  }

  /** The experiments of a study share its turns unless the spec names another key. */
  private static Priority priority(SchedulingSpec scheduling) {
    Priority.Builder priority =
        Priority.newBuilder()
            .setPriorityKey(scheduling.priority())
            .setFairnessWeight(scheduling.fairnessWeight().floatValue());
    scheduling
        .fairnessKey()
        .or(() -> Workflow.getInfo().getParentWorkflowId())
        .ifPresent(priority::setFairnessKey);
    return priority.build();
  }

  private void enter(Stage next) {
    if (stage != next) {
      boolean turnChanges = stage == Stage.AWAITING_RETRY || next == Stage.AWAITING_RETRY;
      stage = next;
      Workflow.setCurrentDetails(details());
      publish(FoundBy.STAGE.valueSet(next.name()));
      history.recordStage(new RecordStage(experimentId, next, "", ""));
      if (turnChanges) { // all that the study asks; more would fill its history
        Workflow.getInfo().getParentWorkflowId().ifPresent(this::tellStudy);
      }
    }
  }

  private void publish(SearchAttributeUpdate<?> attribute) {
    if (Workflow.getTypedSearchAttributes().containsKey(FoundBy.STAGE)) {
      Workflow.upsertTypedSearchAttributes(attribute);
    }
  }

  private void tellStudy(String studyWorkflowId) {
    try {
      Workflow.newUntypedExternalWorkflowStub(studyWorkflowId)
          .signal("memberStage", new StudyWorkflow.MemberStage(experimentId, stage));
    } catch (SignalExternalWorkflowException e) {
      // The study has ended without this experiment, which goes on.
      return;
    }
  }

  private void recordEnd(TemporalFailure failure) {
    // A model that is still saving its last checkpoint is waited for.
    Workflow.await(
        () -> models().noneMatch(m -> m.state == ModelState.RUNNING && !m.ended.isCompleted()));
    if (shardsKept) {
      ensembles.discardShards(new DiscardShards(experimentId));
    }
    stage = isCancellation(failure) ? Stage.CANCELED : Stage.FAILED;
    publish(FoundBy.STAGE.valueSet(stage.name()));
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

  /** Refuses what would make the history too long to evaluate and publish in the end. */
  private void requireRoomInHistory() {
    if (Workflow.getInfo().getHistoryLength() > MOST_EVENTS) {
      throw new IllegalArgumentException(
          "The history of experiment %s is full: cancel it and launch its spec again, which takes over every model that is trained."
              .formatted(experimentId));
    }
  }

  @Override
  public void validateRetry(RetryRequest request) {
    requireRoomInHistory();
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
