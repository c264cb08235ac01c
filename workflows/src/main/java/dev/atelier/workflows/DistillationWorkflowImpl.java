package dev.atelier.workflows;

import dev.atelier.spec.ArchiveRules;
import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.BatchSize;
import dev.atelier.spec.ConditionRules;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.ShapesSource;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.TimestepRange;
import dev.atelier.workflows.AssignmentActivities.PlanRanges;
import dev.atelier.workflows.DatasetActivities.PrepareDataset;
import dev.atelier.workflows.EncodingActivities.EncodeDataset;
import dev.atelier.workflows.EvaluationActivities.Publish;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Dataset, teacher, students all at once, evaluation, files: the story of an experiment. */
public final class DistillationWorkflowImpl implements DistillationWorkflow {

  /** Of 10,240; what follows the training of students needs up to 1,800. */
  static final long MOST_EVENTS = 8_000;

  private final DatasetActivities datasets;
  private final Experiment experiment;
  private final ExperimentJournal journal;
  private final Cohort cohort;
  private final Standing standing;
  private final TrainingTasks tasks;
  private final CohortTraining training;
  private final Ensembles ensembles;
  private final Judging judging;
  private final Requests requests;

  @WorkflowInit
  public DistillationWorkflowImpl(Input input) {
    experiment = new Experiment(input.experimentId(), input.spec());
    datasets =
        Workflow.newActivityStub(
            DatasetActivities.class,
            ShapesSource.isNamed(input.spec().dataset().source())
                ? Activities.DRAWN_DATASET
                : Activities.DATASET);
    journal = new ExperimentJournal(input.experimentId());
    cohort = new Cohort(input.spec());
    standing = new Standing(experiment, cohort, journal);
    tasks = new TrainingTasks(experiment, cohort);
    training = new CohortTraining(cohort, standing, journal);
    ensembles = new Ensembles(input.experimentId());
    judging = new Judging(experiment, cohort, standing, journal, ensembles);
    requests = new Requests(MOST_EVENTS, experiment, cohort, training, judging, standing, journal);
  }

  @Override
  public void run(Input input) {
    experiment.turns().open();
    journal.open();
    standing.begin();
    try {
      distil();
    } catch (TemporalFailure e) {
      // Recorded outside the workflow's scope, which may be canceled.
      Workflow.newDetachedCancellationScope(() -> end(e)).run();
      throw e;
    }
  }

  private void distil() {
    standing.enter(Stage.PREPARING_DATASET);
    DatasetRef prepared = prepareDataset();
    // Now, so that a wrong file fails before hours of training.
    Reference reference = Reference.prepare(experiment, prepared.withoutPassedOver());
    DatasetRef dataset = bringTeacher(prepared.withoutPassedOver());
    List<TimestepRange> ranges = ranges(dataset);
    assign(dataset, ranges);
    if (spec().students().startFrom() == StartFrom.ONE_TO_ONE) {
      trainOneToOneFirst();
    }
    do {
      training.train(cohort.apprentices(), Stage.TRAINING_STUDENTS);
    } while (!judging.judge(reference.seenAs(dataset), ranges));

    standing.enter(Stage.PUBLISHING);
    publish(prepared.seenAs(dataset.encoded()), ranges);
    if (judging.failure().isPresent()) {
      judging.discardShards();
    }
    if (missing().isEmpty()) {
      standing.enter(Stage.DONE);
    } else {
      standing.enter(Stage.PARTIAL, new Failure(ErrorType.INCOMPLETE.name(), missing()));
    }
  }

  private DatasetRef prepareDataset() {
    return datasets.prepare(
        new PrepareDataset(
            experiment.id(), spec().dataset(), spec().reuse(), BatchSize.of(spec())));
  }

  /** Trains or imports the teacher, and encodes the dataset as soon as its network is known. */
  private DatasetRef bringTeacher(DatasetRef pixels) {
    if (spec().teacher().source().isEmpty()) {
      DatasetRef dataset = encoded(pixels, spec().teacher().network(), Optional.empty());
      trainTeacher(dataset, Stage.TRAINING_TEACHER);
      return dataset;
    }
    trainTeacher(pixels, Stage.IMPORTING_TEACHER);
    ModelRef teacher = cohort.teacher().result();
    teacher.diffusion().ifPresent(experiment::follow);
    requireNone(
        teacher
            .network()
            .map(network -> ConditionRules.of(spec(), network))
            .orElseGet(this::archiveFaults));
    return teacher
        .network()
        .map(network -> encoded(pixels, network, Optional.of(teacher)))
        .orElse(pixels);
  }

  private void trainTeacher(DatasetRef dataset, Stage stage) {
    ModelTraining teacher = cohort.teacher();
    tasks.assignTeacher(dataset);
    training.train(List.of(teacher), stage);
    if (!teacher.is(ModelState.DONE)) {
      throw ErrorType.INCOMPLETE.failure(missing(), 1);
    }
    teacher.close("the students are distilled from it as it is");
  }

  /** Experiments that went on before there were these rules go on. */
  private List<SpecFault> archiveFaults() {
    List<SpecFault> faults = ArchiveRules.of(spec());
    boolean ruled =
        !faults.isEmpty()
            && Workflow.getVersion("archive-rules", Workflow.DEFAULT_VERSION, 1)
                != Workflow.DEFAULT_VERSION;
    return ruled ? faults : List.of();
  }

  /** An imported teacher's network is known only now. */
  private static void requireNone(List<SpecFault> faults) {
    if (!faults.isEmpty()) {
      throw ErrorType.INVALID_SPEC.failure(
          faults.stream()
              .map(fault -> "%s %s".formatted(fault.field(), fault.message()))
              .collect(Collectors.joining(" ")),
          1);
    }
  }

  private DatasetRef encoded(DatasetRef pixels, NetworkSpec network, Optional<ModelRef> imported) {
    if (network.latents().isEmpty() && network.crossAttention().isEmpty()) {
      return pixels;
    }
    standing.enter(Stage.ENCODING_DATASET);
    boolean mirrored =
        network.latents().isPresent()
            && (spec().students().training().horizontalFlips()
                || (imported.isEmpty() && spec().teacher().training().horizontalFlips()));
    EncodeDataset task =
        new EncodeDataset(
            experiment.id(),
            pixels,
            network,
            imported,
            spec().teacher().partsFrom(),
            spec().teacher().variant(),
            mirrored);
    experiment.turns().await(task);
    EncodedRef made = experiment.encoding("what networks see of the dataset").encodeDataset(task);
    return pixels.seenAs(Optional.of(made));
  }

  /** One range per student: as the spec has them, or found now that the teacher is there. */
  private List<TimestepRange> ranges(DatasetRef dataset) {
    AssignmentSpec assignment = spec().students().assignment();
    if (!assignment.plannedLater()) {
      return spec().ranges();
    }
    if (assignment.kind() == AssignmentSpec.Kind.MEASURED) {
      standing.enter(Stage.MEASURING_DRIFT);
    }
    PlanRanges task =
        new PlanRanges(
            experiment.id(),
            spec().seed(),
            dataset,
            spec().diffusion(),
            assignment,
            spec().students().count(),
            cohort.teacher().result(),
            Optional.of(spec().evaluation().sampler()));
    experiment.turns().await(task);
    return experiment.assignment("ranges of timesteps").planRanges(task).ranges();
  }

  /** Says what each student is to learn, and which ranges are left to the teacher. */
  private void assign(DatasetRef dataset, List<TimestepRange> ranges) {
    StudentsSpec wanted = spec().students();
    for (int k = 1; k <= wanted.count(); k++) {
      if (wanted.ownedByTeacher(k)) {
        journal.teacherRange(ModelKey.student(k), ranges.get(k - 1));
      }
    }
    tasks.assignStudents(dataset, ranges);
  }

  private void trainOneToOneFirst() {
    ModelTraining start = cohort.oneToOne().orElseThrow();
    training.train(List.of(start), Stage.TRAINING_ONE_TO_ONE);
    start.close("the students start from it as it is");
    if (!start.is(ModelState.DONE)) {
      for (ModelTraining student : cohort.students()) {
        student.giveUp();
        student.close("the one-to-one student that it starts from was not trained");
      }
    }
  }

  private void publish(DatasetRef prepared, List<TimestepRange> ranges) {
    boolean anyStudents = cohort.students().isEmpty() || cohort.hasTrainedStudents();
    Publish task =
        new Publish(
            experiment.id(),
            spec(),
            prepared,
            cohort.teacher().result(),
            anyStudents ? ensembles.keep(cohort.specialists(ranges)) : EnsembleRef.NONE,
            cohort.trainedOneToOne(),
            judging.merged());
    experiment.turns().await(task);
    experiment.evaluation("TorchScript and safetensors files").publish(task);
  }

  /** What the experiment ends without, in sentences; empty: nothing. */
  private String missing() {
    Stream<String> figures =
        judging.failure().stream().map(f -> "The evaluation failed (%s).".formatted(f.message()));
    Stream<String> gaps =
        cohort.hasTrainedStudents() && !cohort.isWhole()
            ? Stream.of("The teacher owns the ranges of missing students.")
            : Stream.empty();
    return Stream.of(cohort.missing(), figures, gaps)
        .flatMap(sentences -> sentences)
        .collect(Collectors.joining(" "));
  }

  private void end(TemporalFailure failure) {
    // A model that is still saving its last checkpoint is waited for.
    Workflow.await(() -> !cohort.works());
    judging.discardShards();
    standing.end(failure);
  }

  private ExperimentSpec spec() {
    return experiment.spec();
  }

  @Override
  public void validateRetry(RetryRequest request) {
    requests.validate(request);
  }

  @Override
  public Accepted retry(RetryRequest request) {
    requests.retry(request);
    return Accepted.of("retry", request);
  }

  @Override
  public void validateExtend(ExtendRequest request) {
    requests.validate(request);
  }

  @Override
  public Accepted extend(ExtendRequest request) {
    requests.extend(request);
    return Accepted.of("extend", request);
  }

  @Override
  public void validateReplace(ReplaceRequest request) {
    requests.validate(request);
  }

  @Override
  public Accepted replace(ReplaceRequest request) {
    requests.replace(request);
    return Accepted.of("replace", request);
  }

  @Override
  public void validateCancelModel(CancelModelRequest request) {
    requests.validate(request);
  }

  @Override
  public Accepted cancelModel(CancelModelRequest request) {
    requests.cancelModel(request);
    return Accepted.of("cancelModel", request);
  }

  @Override
  public void validatePause() {
    requests.validatePause();
  }

  @Override
  public Accepted pause() {
    requests.pause();
    return Accepted.of("pause");
  }

  @Override
  public void validateResume() {
    requests.validateResume();
  }

  @Override
  public Accepted resume() {
    requests.resume();
    return Accepted.of("resume");
  }

  @Override
  public void validateRerunEvaluation() {
    requests.validateRerunEvaluation();
  }

  @Override
  public Accepted rerunEvaluation() {
    requests.rerunEvaluation();
    return Accepted.of("rerunEvaluation");
  }

  @Override
  public Progress progress() {
    return new Progress(
        standing.stage(),
        cohort
            .models()
            .map(m -> new ModelProgress(m.key(), m.state(), cohort.steps(m), m.attempts()))
            .toList(),
        training.isPaused(),
        standing.deadline());
  }
}
