package dev.atelier.workflows;

import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.BatchSize;
import dev.atelier.spec.EvaluationSpec.Shard;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.SchedulingSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.TimestepRange;
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
import dev.atelier.workflows.HistoryActivities.RecordCancelRequest;
import dev.atelier.workflows.HistoryActivities.RecordExtension;
import dev.atelier.workflows.HistoryActivities.RecordHandedBack;
import dev.atelier.workflows.HistoryActivities.RecordModelCanceled;
import dev.atelier.workflows.HistoryActivities.RecordModelFailed;
import dev.atelier.workflows.HistoryActivities.RecordPause;
import dev.atelier.workflows.HistoryActivities.RecordReevaluation;
import dev.atelier.workflows.HistoryActivities.RecordReplacement;
import dev.atelier.workflows.HistoryActivities.RecordRetry;
import dev.atelier.workflows.HistoryActivities.RecordStage;
import dev.atelier.workflows.HistoryActivities.RecordTeacherRange;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.MergingActivities.Merge;
import dev.atelier.workflows.MergingActivities.SearchSchedule;
import dev.atelier.workflows.ModelTraining.Work;
import dev.atelier.workflows.ReuseActivities.Found;
import dev.atelier.workflows.TrainingActivities.ImportTeacher;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import io.temporal.activity.ActivityOptions;
import io.temporal.common.Priority;
import io.temporal.common.SearchAttributeUpdate;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Functions;
import io.temporal.workflow.Functions.Func1;
import io.temporal.workflow.Promise;
import io.temporal.workflow.SignalExternalWorkflowException;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Dataset, teacher, students all at once, evaluation, files: the story of an experiment. */
public final class DistillationWorkflowImpl implements DistillationWorkflow {

  /** Of 10,240; what follows the training of students needs up to 1,800. */
  static final long MOST_EVENTS = 8_000;

  private static final EnsembleRef NO_ENSEMBLE = new EnsembleRef(List.of());

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

  private final Journal journal = new Journal();
  private final String experimentId;
  private ExperimentSpec spec; // its forward process may come with an imported teacher
  private final ModelTraining teacher;
  private final List<ModelTraining> students; // those that are trained, in order of their ranges
  private final List<ModelTraining> oneToOne; // empty or one
  private final Map<ModelKey, StudentsSpec> designs = new HashMap<>(); // as if all were like it
  private final Set<ModelKey> unlikeOthers = new HashSet<>(); // changed by a user: never taken over
  private Stage stage = Stage.QUEUED;
  private boolean paused;
  private Optional<CancellationScope> root = Optional.empty(); // that of the whole workflow
  private Optional<Instant> deadline = Optional.empty();
  private Optional<CancellationScope> judging = Optional.empty();
  private boolean calledOff; // the judging, by a request
  private boolean rerunAsked;
  private boolean rerun; // figures are measured anew even where another experiment has them
  private Optional<Failure> unjudged = Optional.empty(); // why the judging failed
  private final Map<Subject, EnsembleRef> judged = new EnumMap<>(Subject.class);
  private List<ModelRef> lastJudged = List.of();
  private EnsembleRef merged = NO_ENSEMBLE;
  private final Priority priority;
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
        StudentsSpec design = wanted.designOf(k);
        students.add(new ModelTraining(ModelKey.student(k), design.training()));
        designs.put(ModelKey.student(k), design);
      }
    }
    oneToOne =
        wanted.trainsOneToOne()
            ? List.of(new ModelTraining(ModelKey.ONE_TO_ONE, wanted.training()))
            : List.of();
    designs.put(
        ModelKey.ONE_TO_ONE,
        wanted.startFrom() == StartFrom.ONE_TO_ONE
            ? wanted.startingFrom(StartFrom.RANDOM)
            : wanted);
  }

  @Override
  public void run(Input input) {
    journal.open();
    root = Optional.of(CancellationScope.current());
    try {
      distil();
    } catch (TemporalFailure e) {
      // Recorded outside the workflow's scope, which may be canceled.
      CancellationScope end = Workflow.newDetachedCancellationScope(() -> recordEnd(e));
      end.run();
      throw e;
    }
  }

  private void distil() {
    enter(Stage.PREPARING_DATASET);
    DatasetRef prepared =
        datasets.prepare(
            new DatasetActivities.PrepareDataset(
                experimentId, spec.dataset(), spec.reuse(), BatchSize.of(spec)));
    DatasetRef dataset = prepared.withoutPassedOver();
    // What the evaluation needs is fetched and checked now, so that a wrong file fails before hours
    // of training.
    ExtractorRef extractor =
        evaluation("feature extractor")
            .prepareExtractor(
                new PrepareExtractor(
                    experimentId, spec.evaluation(), dataset, spec.merge(), spec.search()));
    Optional<StatisticsRef> given =
        spec.evaluation()
            .reference()
            .map(source -> reference("statistics of " + source, dataset, extractor));

    Optional<String> source = spec.teacher().source();
    teacher.does(
        training ->
            source
                .map(from -> importTeacher(dataset, from))
                .orElseGet(() -> trainTeacher(dataset, training)));
    train(List.of(teacher), source.isPresent() ? Stage.IMPORTING_TEACHER : Stage.TRAINING_TEACHER);
    if (!teacher.is(ModelState.DONE)) {
      throw ErrorType.INCOMPLETE.failure(missing(), 1);
    }
    teacher.close("the students are distilled from it as it is");
    teacher.result().diffusion().ifPresent(theirs -> spec = spec.with(theirs));

    List<TimestepRange> ranges = ranges(dataset);
    assign(dataset, ranges);
    if (spec.students().startFrom() == StartFrom.ONE_TO_ONE) {
      trainOneToOneFirst();
    }
    Supplier<Comparison> comparison =
        () ->
            new Comparison(
                dataset,
                extractor,
                given.orElseGet(() -> reference("features of the dataset", dataset, extractor)));
    do {
      train(trainedTogether(), Stage.TRAINING_STUDENTS);
    } while (!judge(comparison, ranges));

    enter(Stage.PUBLISHING);
    evaluation("TorchScript and safetensors files")
        .publish(
            new Publish(
                experimentId,
                spec,
                prepared,
                teacher.result(),
                students.isEmpty() || anyDone(students) ? keep(specialists(ranges)) : NO_ENSEMBLE,
                results(oneToOne),
                merged));
    if (unjudged.isPresent()) {
      discardShards();
    }
    if (missing().isEmpty()) {
      enter(Stage.DONE);
    } else {
      enter(Stage.PARTIAL, new Failure(ErrorType.INCOMPLETE.name(), missing()));
    }
  }

  /** One range per student: as the spec has them, or found now that the teacher is there. */
  private List<TimestepRange> ranges(DatasetRef dataset) {
    AssignmentSpec assignment = spec.students().assignment();
    int count = spec.students().count();
    if (!assignment.plannedLater()) {
      return spec.ranges();
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
                teacher.result(),
                Optional.of(spec.evaluation().sampler())))
        .ranges();
  }

  /** Says what each student is to learn, and which ranges are left to the teacher. */
  private void assign(DatasetRef dataset, List<TimestepRange> ranges) {
    for (int k = 1; k <= spec.students().count(); k++) {
      if (spec.students().ownedByTeacher(k)) {
        history.recordTeacherRange(
            new RecordTeacherRange(experimentId, ModelKey.student(k), ranges.get(k - 1)));
      }
    }
    for (ModelTraining student : students) {
      TimestepRange range = ranges.get(student.key().student().orElseThrow() - 1);
      student.does(training -> trainStudent(dataset, student.key(), range, training));
    }
    TimestepRange whole = new TimestepRange(0, spec.diffusion().timesteps());
    for (ModelTraining student : oneToOne) {
      student.does(training -> trainStudent(dataset, student.key(), whole, training));
    }
  }

  private void trainOneToOneFirst() {
    train(oneToOne, Stage.TRAINING_ONE_TO_ONE);
    ModelTraining start = oneToOne.get(0);
    start.close("the students start from it as it is");
    if (!start.is(ModelState.DONE)) {
      for (ModelTraining student : students) {
        student.giveUp();
        student.close("the one-to-one student that it starts from was not trained");
      }
    }
  }

  private List<ModelTraining> trainedTogether() {
    return Stream.concat(students.stream(), oneToOne.stream()).toList();
  }

  /** The owner of each range, in order: its student, or the teacher where there is none. */
  private List<ModelRef> specialists(List<TimestepRange> ranges) {
    Map<ModelKey, ModelRef> trained =
        students.stream()
            .filter(m -> m.is(ModelState.DONE))
            .collect(Collectors.toMap(ModelTraining::key, ModelTraining::result));
    List<ModelRef> owners = new ArrayList<>();
    for (int k = 1; k <= ranges.size(); k++) {
      ModelRef student = trained.get(ModelKey.student(k));
      owners.add(student == null ? teacher.result().owning(ranges.get(k - 1)) : student);
    }
    return owners;
  }

  /**
   * Evaluates, merges and searches, until that is done or given up; false: called off by a request
   * that changes what is judged, or that pauses the experiment.
   */
  private boolean judge(Supplier<Comparison> comparison, List<TimestepRange> ranges) {
    calledOff = false;
    unjudged = Optional.empty();
    List<ModelRef> specialists = specialists(ranges);
    enter(Stage.EVALUATING);
    forgetStaleFigures(specialists);
    List<Promise<Evaluated>> evaluations = new ArrayList<>();
    try {
      CancellationScope scope =
          Workflow.newCancellationScope(() -> compare(comparison.get(), specialists, evaluations));
      if (!calledOff) {
        judging = Optional.of(scope);
        scope.run();
      }
    } catch (TemporalFailure e) {
      // No stopped evaluation writes its figures after this.
      Workflow.await(() -> evaluations.stream().allMatch(Promise::isCompleted));
      if (!calledOff) {
        if (Failure.isCancellation(e)) {
          throw e;
        }
        unjudged = Optional.of(Failure.of(e));
        enter(Stage.AWAITING_RETRY, unjudged.get());
        awaitUntilDeadline(() -> calledOff);
      }
    } finally {
      judging = Optional.empty();
    }
    return !calledOff;
  }

  private void compare(
      Comparison with, List<ModelRef> specialists, List<Promise<Evaluated>> evaluations) {
    evaluate(Subject.TEACHER, with, keep(List.of(teacher.result())), evaluations);
    if (spec.students().oneToOneBaseline() && anyDone(oneToOne)) {
      evaluate(Subject.ONE_TO_ONE, with, keep(results(oneToOne)), evaluations);
    }
    EnsembleRef ensemble = keep(specialists);
    boolean complete = students.stream().allMatch(m -> m.is(ModelState.DONE));
    if (complete) {
      evaluate(Subject.O2MKD, with, ensemble, evaluations);
    } else if (anyDone(students)) {
      evaluate(Subject.O2MKD_PARTIAL, with, ensemble, evaluations);
    }
    Promise.allOf(evaluations).get();
    merged = complete ? merge(with, ensemble, evaluations) : NO_ENSEMBLE;
    if (complete) {
      searchSchedule(with, ensemble);
    }
  }

  /** Figures of models that have changed since, or that shall be measured again, hold no more. */
  private void forgetStaleFigures(List<ModelRef> specialists) {
    List<ModelRef> models =
        Stream.concat(specialists.stream(), results(oneToOne).stream()).toList();
    boolean asked = rerunAsked;
    boolean changed = !lastJudged.isEmpty() && !lastJudged.equals(models);
    rerunAsked = false;
    rerun |= asked;
    lastJudged = models;
    if (asked || changed) {
      List<Subject> stale =
          Arrays.stream(Subject.values()).filter(s -> asked || s != Subject.TEACHER).toList();
      judged.keySet().removeAll(stale);
      record(() -> history.recordReevaluation(new RecordReevaluation(experimentId, stale, asked)));
    }
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
  private EnsembleRef merge(
      Comparison with, EnsembleRef specialists, List<Promise<Evaluated>> evaluations) {
    MergeSpec wanted = spec.merge();
    if (wanted.kind() == MergeSpec.Kind.NONE) {
      return NO_ENSEMBLE;
    }
    enter(Stage.MERGING);
    EnsembleRef joined =
        merging("merge of %d students".formatted(specialists.models()))
            .merge(new Merge(experimentId, spec.seed(), wanted, measure(with), specialists))
            .models();
    if (joined.models() > 0) {
      evaluate(Subject.MERGED, with, joined, evaluations);
      Promise.allOf(evaluations).get();
    }
    return joined;
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

  /** Those of the models that are trained. */
  private static List<ModelRef> results(List<ModelTraining> models) {
    return models.stream().filter(m -> m.is(ModelState.DONE)).map(ModelTraining::result).toList();
  }

  private static boolean anyDone(List<ModelTraining> models) {
    return models.stream().anyMatch(m -> m.is(ModelState.DONE));
  }

  /**
   * Trains the models, all at once, and returns when each is done or canceled; a failed one waits
   * until its deadline for somebody to ask for it again.
   */
  private void train(List<ModelTraining> models, Stage trainingStage) {
    while (true) {
      models.stream().filter(ModelTraining::canGoOn).forEach(ModelTraining::goOn);
      models.stream().filter(ModelTraining::hasEnded).forEach(this::settle);
      journal.flush(); // what was asked for is on record before it is begun
      if (paused) {
        models.forEach(ModelTraining::handBack);
      } else {
        models.stream().filter(m -> m.is(ModelState.PENDING)).forEach(ModelTraining::start);
      }
      boolean settled = models.stream().allMatch(ModelTraining::isSettled);
      if (settled && !paused) {
        return;
      }
      boolean waits = waits(models);
      if (!settled) {
        enter(waits ? Stage.AWAITING_RETRY : trainingStage);
      }
      Supplier<Boolean> attention =
          () ->
              models.stream().anyMatch(this::needsAttention)
                  || waits(models) != waits
                  || (!paused && models.stream().allMatch(ModelTraining::isSettled));
      if (!waits) {
        Workflow.await(attention);
      } else if (!awaitUntilDeadline(attention)) {
        models.stream().filter(m -> m.is(ModelState.FAILED)).forEach(ModelTraining::giveUp);
      }
    }
  }

  private boolean needsAttention(ModelTraining model) {
    return model.canGoOn()
        || model.hasEnded()
        || (paused
            ? model.is(ModelState.RUNNING) && !model.isHandingBack()
            : model.is(ModelState.PENDING));
  }

  /** Whether nothing goes on before somebody asks for a failed model again. */
  private boolean waits(List<ModelTraining> models) {
    return !paused
        && models.stream().noneMatch(m -> m.is(ModelState.RUNNING) || m.is(ModelState.PENDING))
        && !models.stream().allMatch(ModelTraining::isSettled);
  }

  /** Waits for somebody to ask for something; false: nobody has by the deadline. */
  private boolean awaitUntilDeadline(Supplier<Boolean> asked) {
    Duration patience = Duration.ofHours(spec.awaitRetryHours());
    deadline = Optional.of(Instant.ofEpochMilli(Workflow.currentTimeMillis()).plus(patience));
    try {
      return Workflow.await(patience, asked);
    } finally {
      deadline = Optional.empty();
    }
  }

  private void settle(ModelTraining model) {
    model.settle();
    ModelKey key = model.key();
    switch (model.state()) {
      case FAILED -> {
        Failure reason = model.failure().orElseThrow();
        journal.add(
            () ->
                history.recordModelFailed(
                    new RecordModelFailed(experimentId, key, reason.type(), reason.message())));
      }
      case CANCELED -> recordCanceled(key);
      case PENDING -> {
        if (paused && models().noneMatch(m -> m.is(ModelState.RUNNING))) {
          journal.add(() -> history.recordHandedBack(new RecordHandedBack(experimentId)));
        }
      }
      case RUNNING, DONE -> {}
    }
  }

  private void recordCanceled(ModelKey key) {
    journal.add(() -> history.recordModelCanceled(new RecordModelCanceled(experimentId, key)));
  }

  private Work importTeacher(DatasetRef dataset, String source) {
    ImportTeacher task =
        new ImportTeacher(
            experimentId,
            source,
            dataset,
            spec.diffusion(),
            spec.teacher().network(),
            Optional.of(spec.evaluation().sampler().clip()));
    TrainingActivities work = training("teacher, imported");
    return new Work(List.of(), () -> Async.function(work::importTeacher, task));
  }

  private Work trainTeacher(DatasetRef dataset, TrainingSpec training) {
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

  private Work trainStudent(
      DatasetRef dataset, ModelKey key, TimestepRange range, TrainingSpec training) {
    StudentsSpec design = designs.get(key);
    StartFrom startFrom = design.startFrom();
    String summary =
        key.equals(ModelKey.ONE_TO_ONE)
            ? "one-to-one baseline, t in %s, %d steps".formatted(range, training.steps())
            : "%s of %d, t in %s, %d steps".formatted(key, design.count(), range, training.steps());
    TrainStudent task =
        new TrainStudent(
            experimentId,
            key,
            spec.seed(),
            dataset,
            spec.diffusion(),
            design.network(),
            training,
            teacher.result(),
            range,
            design.specificProbability(),
            design.loss(),
            design.antithetic(),
            startFrom,
            startFrom == StartFrom.ONE_TO_ONE
                ? Optional.of(oneToOne.get(0).result())
                : Optional.empty(),
            design.rangeDraw());
    TrainingActivities work = training(summary);
    return unlessFound(key, task, reuseAtOnce::findStudent, reuse::findStudent, work::trainStudent);
  }

  /**
   * Trains a model unless an equal one is there already, or comes while this one waits. One that a
   * user has changed goes on from what it has learned, or differs: it is like no other.
   */
  private <T> Work unlessFound(
      ModelKey key,
      T task,
      Func1<T, Found> findAtOnce,
      Func1<T, Found> find,
      Func1<T, ModelRef> train) {
    boolean likeNoOther = spec.reuse() == ExperimentSpec.Reuse.NEVER || unlikeOthers.contains(key);
    // Asks at once, which costs little history, and patiently where that has failed.
    return new Work(
        likeNoOther
            ? List.of()
            : List.of(() -> Async.function(findAtOnce, task), () -> Async.function(find, task)),
        () -> Async.function(train, task));
  }

  private StatisticsRef reference(String summary, DatasetRef dataset, ExtractorRef extractor) {
    return evaluation(summary)
        .measureReference(
            new MeasureReference(experimentId, dataset, spec.evaluation(), extractor));
  }

  /** What every subject is compared with, and how. */
  private record Comparison(DatasetRef dataset, ExtractorRef extractor, StatisticsRef reference) {}

  /**
   * Begins to judge a subject, unless that was done before a pause: samples from the models in
   * shards, all at once, and judges all samples together.
   */
  private void evaluate(
      Subject subject, Comparison with, EnsembleRef models, List<Promise<Evaluated>> evaluations) {
    if (models.equals(judged.get(subject))) {
      return;
    }
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
            rerun ? ExperimentSpec.Reuse.NEVER : spec.reuse());
    evaluations.add(
        Async.function(
            () -> {
              Evaluated evaluated =
                  noteBest(reuse.findEvaluation(task).evaluated().orElseGet(() -> evaluate(task)));
              judged.put(subject, models);
              return evaluated;
            }));
  }

  private Evaluated noteBest(Evaluated evaluated) {
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
    enter(next, Failure.NONE);
  }

  private void enter(Stage next, Failure reason) {
    if (stage != next) {
      boolean turnChanges = stage == Stage.AWAITING_RETRY || next == Stage.AWAITING_RETRY;
      stage = next;
      Workflow.setCurrentDetails(details());
      publish(FoundBy.STAGE.valueSet(next.name()));
      record(
          () ->
              history.recordStage(
                  new RecordStage(experimentId, next, reason.type(), reason.message())));
      if (turnChanges) { // all that the study asks; more would fill its history
        Workflow.getInfo().getParentWorkflowId().ifPresent(this::tellStudy);
      }
    }
  }

  private void record(Functions.Proc entry) {
    journal.add(entry);
    journal.flush();
  }

  private void publish(SearchAttributeUpdate<?> attribute) {
    if (Workflow.getTypedSearchAttributes().containsKey(FoundBy.STAGE)) {
      Workflow.upsertTypedSearchAttributes(attribute);
    }
  }

  /** Removes what an evaluation that has not ended has left. */
  private void discardShards() {
    if (shardsKept) {
      ensembles.discardShards(new DiscardShards(experimentId));
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
    Workflow.await(() -> models().noneMatch(ModelTraining::works));
    discardShards();
    stage = Failure.isCancellation(failure) ? Stage.CANCELED : Stage.FAILED;
    publish(FoundBy.STAGE.valueSet(stage.name()));
    Failure reason = stage == Stage.CANCELED ? Failure.NONE : Failure.of(failure);
    record(
        () ->
            history.recordStage(
                new RecordStage(experimentId, stage, reason.type(), reason.message())));
  }

  private String details() {
    StringBuilder text = new StringBuilder("**").append(stage).append("**\n\n");
    models()
        .forEach(
            m -> text.append("- ").append(m.key()).append(": ").append(m.state()).append('\n'));
    return text.toString();
  }

  /** What the experiment ends without, in sentences; empty: nothing. */
  private String missing() {
    Stream<String> models =
        models()
            .filter(m -> !m.is(ModelState.DONE))
            .map(
                m ->
                    "%s was not trained%s."
                        .formatted(
                            m.key(),
                            m.failure()
                                .map(f -> " (%s)".formatted(f.message()))
                                .orElse(m.closed().map(why -> ": " + why).orElse(""))));
    Stream<String> figures =
        unjudged.stream().map(f -> "The evaluation failed (%s).".formatted(f.message()));
    Stream<String> gaps =
        anyDone(students) && students.stream().anyMatch(m -> !m.is(ModelState.DONE))
            ? Stream.of("The teacher owns the ranges of missing students.")
            : Stream.empty();
    return Stream.of(models, figures, gaps)
        .flatMap(sentences -> sentences)
        .collect(Collectors.joining(" "));
  }

  private Stream<ModelTraining> models() {
    return Stream.of(Stream.of(teacher), students.stream(), oneToOne.stream())
        .flatMap(models -> models);
  }

  /** Refuses what would make the history too long to evaluate and publish in the end. */
  private void requireRoomInHistory() {
    if (Workflow.getInfo().getHistoryLength() > MOST_EVENTS) {
      throw refused(
          "The history of experiment %s is full: cancel it and launch its spec again, which takes over every model that is trained."
              .formatted(experimentId));
    }
  }

  @Override
  public void validateRetry(RetryRequest request) {
    requireRoomInHistory();
    ModelTraining model = changeable("retry", request.key());
    if (!model.is(ModelState.FAILED) && !model.is(ModelState.CANCELED)) {
      throw refused(
          "Cannot retry %s: it is %s, and only a failed or canceled model can be retried."
              .formatted(model.key(), model.state()));
    }
  }

  @Override
  public Accepted retry(RetryRequest request) {
    ModelTraining model = model(request.key()).orElseThrow();
    model.trainAgain(request.overrides().applyTo(model.training()));
    int steps = model.training().steps();
    changed(
        model,
        () ->
            history.recordRetry(
                new RecordRetry(experimentId, request.key(), request.overrides(), steps)));
    return Accepted.of("retry", request);
  }

  @Override
  public void validateExtend(ExtendRequest request) {
    requireRoomInHistory();
    ModelTraining model = changeable("extend", request.key());
    if (steps(model) == 0) {
      throw refused("Cannot extend %s: it is imported, not trained.".formatted(model.key()));
    }
    if (model.is(ModelState.CANCELED)) {
      throw refused(
          "Cannot extend %s: it is CANCELED; retry it, with more steps if it needs them."
              .formatted(model.key()));
    }
    if (request.steps() <= steps(model)) {
      throw refused(
          "Cannot extend %s to %d steps: it is to have %d already; expected more."
              .formatted(model.key(), request.steps(), steps(model)));
    }
  }

  @Override
  public Accepted extend(ExtendRequest request) {
    ModelTraining model = model(request.key()).orElseThrow();
    model.trainAgain(model.training().extendedTo(request.steps()));
    changed(
        model,
        () ->
            history.recordExtension(
                new RecordExtension(experimentId, request.key(), request.steps())));
    return Accepted.of("extend", request);
  }

  @Override
  public void validateReplace(ReplaceRequest request) {
    requireRoomInHistory();
    ModelTraining model = changeable("replace", request.key());
    if (model == teacher) {
      throw refused("Cannot replace the teacher: only students can be replaced.");
    }
    boolean fromOneToOne =
        request.replacement().appliedTo(designs.get(model.key())).startFrom()
            == StartFrom.ONE_TO_ONE;
    if (fromOneToOne && spec.students().startFrom() != StartFrom.ONE_TO_ONE) {
      throw refused(
          "Cannot replace %s by one that starts from one-to-one: the experiment trains no such student first."
              .formatted(model.key()));
    }
    if (fromOneToOne && model.key().equals(ModelKey.ONE_TO_ONE)) {
      throw refused("Cannot replace one-to-one: it cannot start from itself.");
    }
  }

  @Override
  public Accepted replace(ReplaceRequest request) {
    ModelTraining model = model(request.key()).orElseThrow();
    TrainingSpec training = request.replacement().training().applyTo(model.training());
    designs.computeIfPresent(
        request.key(), (key, design) -> request.replacement().appliedTo(design));
    model.trainAgain(training);
    changed(
        model,
        () ->
            history.recordReplacement(
                new RecordReplacement(
                    experimentId, request.key(), request.replacement(), training.steps())));
    return Accepted.of("replace", request);
  }

  @Override
  public void validateCancelModel(CancelModelRequest request) {
    ModelTraining model = changeable("cancel", request.key());
    if (model == teacher) {
      throw refused(
          "Cannot cancel the teacher alone: nothing can be done without it. Cancel the experiment.");
    }
    if (oneToOne.contains(model) && spec.students().startFrom() == StartFrom.ONE_TO_ONE) {
      throw refused(
          "Cannot cancel one-to-one alone: the students start from it. Cancel the experiment.");
    }
    if (model.is(ModelState.DONE) || model.is(ModelState.CANCELED) || model.isUnwanted()) {
      throw refused(
          "Cannot cancel %s: it is %s."
              .formatted(
                  model.key(), model.is(ModelState.RUNNING) ? "being canceled" : model.state()));
    }
  }

  @Override
  public Accepted cancelModel(CancelModelRequest request) {
    ModelTraining model = model(request.key()).orElseThrow();
    model.cancel();
    changed(
        model,
        () -> history.recordCancelRequest(new RecordCancelRequest(experimentId, request.key())));
    if (model.is(ModelState.CANCELED)) {
      recordCanceled(request.key());
    }
    return Accepted.of("cancelModel", request);
  }

  @Override
  public void validatePause() {
    requireRoomInHistory();
    requireChangeable("pause the experiment");
    if (paused) {
      throw refused("Cannot pause the experiment: it is paused.");
    }
  }

  @Override
  public Accepted pause() {
    paused = true;
    callOffJudging();
    journal.add(() -> history.recordPause(new RecordPause(experimentId, true)));
    return Accepted.of("pause");
  }

  @Override
  public void validateResume() {
    requireChangeable("resume the experiment");
    if (!paused) {
      throw refused("Cannot resume the experiment: it is not paused.");
    }
  }

  @Override
  public Accepted resume() {
    paused = false;
    journal.add(() -> history.recordPause(new RecordPause(experimentId, false)));
    return Accepted.of("resume");
  }

  @Override
  public void validateRerunEvaluation() {
    requireRoomInHistory();
    requireChangeable("evaluate again");
    boolean judges =
        stage == Stage.EVALUATING || stage == Stage.MERGING || stage == Stage.SEARCHING;
    if (!judges && unjudged.isEmpty()) {
      throw refused(
          "Cannot evaluate again: the experiment is %s, and its models have not been evaluated as they are."
              .formatted(stage));
    }
  }

  @Override
  public Accepted rerunEvaluation() {
    rerunAsked = true;
    callOffJudging();
    return Accepted.of("rerunEvaluation");
  }

  @Override
  public Progress progress() {
    return new Progress(
        stage,
        models().map(m -> new ModelProgress(m.key(), m.state(), steps(m), m.attempts())).toList(),
        paused,
        deadline);
  }

  /** The model, if the workflow still can do with it what {@code verb} says; else throws. */
  private ModelTraining changeable(String verb, ModelKey key) {
    ModelTraining model =
        model(key)
            .orElseThrow(
                () ->
                    refused(
                        "Experiment %s has no model '%s' that it trains; it has %s."
                            .formatted(
                                experimentId, key, models().map(ModelTraining::key).toList())));
    requireChangeable("%s %s".formatted(verb, key));
    if (model.closed().isPresent()) {
      throw refused("Cannot %s %s: %s.".formatted(verb, key, model.closed().get()));
    }
    return model;
  }

  private void requireChangeable(String what) {
    if (stage == Stage.PUBLISHING || stage.terminal()) {
      throw refused("Cannot %s: the experiment is %s.".formatted(what, stage));
    }
    if (root.isPresent() && root.get().isCancelRequested()) {
      throw refused("Cannot %s: the experiment is being canceled.".formatted(what));
    }
  }

  private static IllegalArgumentException refused(String sentence) {
    return new IllegalArgumentException(sentence);
  }

  /** Keeps what was asked of a model, and sees to it that it is not judged as it was. */
  private void changed(ModelTraining model, Functions.Proc entry) {
    unlikeOthers.add(model.key());
    journal.add(entry);
    callOffJudging();
  }

  private void callOffJudging() {
    calledOff = true;
    judging.ifPresent(scope -> scope.cancel("called off"));
  }

  private Optional<ModelTraining> model(ModelKey key) {
    return models().filter(m -> m.key().equals(key)).findFirst();
  }

  private int steps(ModelTraining model) {
    return model == teacher && spec.teacher().source().isPresent() ? 0 : model.training().steps();
  }
}
