package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.workflows.ModelTraining.Work;
import dev.atelier.workflows.ReuseActivities.Found;
import dev.atelier.workflows.TrainingActivities.ImportTeacher;
import dev.atelier.workflows.TrainingActivities.TrainStudent;
import dev.atelier.workflows.TrainingActivities.TrainTeacher;
import io.temporal.workflow.Async;
import io.temporal.workflow.Functions.Func1;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Gives each model its work: the task of an attempt, and where an equal model may be found. */
final class TrainingTasks {

  private final ReuseActivities reuse =
      Workflow.newActivityStub(ReuseActivities.class, Activities.REUSE);
  private final ReuseActivities reuseAtOnce =
      Workflow.newLocalActivityStub(ReuseActivities.class, Activities.REUSE_AT_ONCE);

  private final Experiment experiment;
  private final Cohort cohort;

  TrainingTasks(Experiment experiment, Cohort cohort) {
    this.experiment = experiment;
    this.cohort = cohort;
  }

  /** Has the teacher imported where the spec names a source, else trained. */
  void assignTeacher(DatasetRef dataset) {
    Optional<String> source = experiment.spec().teacher().source();
    cohort
        .teacher()
        .does(
            () ->
                source
                    .map(from -> importTeacher(dataset, from))
                    .orElseGet(() -> trainTeacher(dataset)));
  }

  /** Has the teacher, which must be done, distilled into a student for each of {@code ranges}. */
  void assignStudents(DatasetRef dataset, List<TimestepRange> ranges) {
    for (ModelTraining student : cohort.students()) {
      TimestepRange range = ranges.get(student.key().student().orElseThrow() - 1);
      student.does(() -> trainStudent(dataset, student, range));
    }
    TimestepRange whole = new TimestepRange(0, experiment.spec().diffusion().timesteps());
    cohort.oneToOne().ifPresent(o -> o.does(() -> trainStudent(dataset, o, whole)));
  }

  private Work importTeacher(DatasetRef dataset, String source) {
    ExperimentSpec spec = experiment.spec();
    ImportTeacher task =
        new ImportTeacher(
            experiment.id(),
            source,
            dataset,
            spec.diffusion(),
            spec.teacher().network(),
            Optional.of(spec.evaluation().sampler().clip()),
            spec.teacher().variant());
    TrainingActivities work = experiment.training("teacher, imported");
    return new Work(List.of(turn(task)), () -> Async.function(work::importTeacher, task));
  }

  private Work trainTeacher(DatasetRef dataset) {
    ExperimentSpec spec = experiment.spec();
    ModelTraining teacher = cohort.teacher();
    TrainTeacher task =
        new TrainTeacher(
            experiment.id(),
            spec.seed(),
            dataset,
            spec.diffusion().predicting(spec.diffusion().teacherPredicts()),
            spec.teacher().network(),
            teacher.training());
    TrainingActivities work =
        experiment.training("teacher, %d steps".formatted(teacher.training().steps()));
    return unlessFound(
        teacher, task, reuseAtOnce::findTeacher, reuse::findTeacher, work::trainTeacher);
  }

  private Work trainStudent(DatasetRef dataset, ModelTraining student, TimestepRange range) {
    ExperimentSpec spec = experiment.spec();
    TrainingSpec training = student.training();
    StudentsSpec design = cohort.design(student.key());
    String summary =
        student.key().equals(ModelKey.ONE_TO_ONE)
            ? "one-to-one baseline, t in %s, %d steps".formatted(range, training.steps())
            : "%s of %d, t in %s, %d steps"
                .formatted(student.key(), design.count(), range, training.steps());
    TrainStudent task =
        TrainingActivitiesTrainStudentBuilder.builder()
            .experimentId(experiment.id())
            .key(student.key())
            .seed(spec.seed())
            .dataset(dataset)
            .diffusion(spec.diffusion())
            .network(design.network())
            .training(training)
            .teacher(cohort.teacher().result())
            .range(range)
            .specificProbability(design.specificProbability())
            .loss(design.loss())
            .antithetic(design.antithetic())
            .startFrom(design.startFrom())
            .oneToOne(
                design.startFrom() == StartFrom.ONE_TO_ONE
                    ? cohort.oneToOne().map(ModelTraining::result)
                    : Optional.empty())
            .rangeDraw(design.rangeDraw())
            .rank(design.loraRank())
            .build();
    TrainingActivities work = experiment.training(summary);
    return unlessFound(
        student, task, reuseAtOnce::findStudent, reuse::findStudent, work::trainStudent);
  }

  /** Trains a model unless an equal one is there already, or comes while this one waits. */
  private <T> Work unlessFound(
      ModelTraining model,
      T task,
      Func1<T, Found> findAtOnce,
      Func1<T, Found> find,
      Func1<T, ModelRef> train) {
    boolean likeNoOther = experiment.spec().reuse() == Reuse.NEVER || model.isChanged();
    // Asks at once, which costs little history, and patiently where that has failed.
    return new Work(
        List.of(
            likeNoOther
                ? List.of()
                : List.of(() -> Async.function(findAtOnce, task), () -> Async.function(find, task)),
            turn(task)),
        () -> Async.function(train, task));
  }

  /** Ways to take a turn for it, in which no model is found. */
  private List<Supplier<Promise<Found>>> turn(Object task) {
    return experiment.turns().ways(task).stream()
        .<Supplier<Promise<Found>>>map(
            way -> () -> way.get().thenApply(taken -> new Found(Optional.empty())))
        .toList();
  }
}
