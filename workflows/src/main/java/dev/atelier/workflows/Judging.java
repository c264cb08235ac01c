package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.MergingActivities.Merge;
import dev.atelier.workflows.MergingActivities.SearchSchedule;
import dev.atelier.workflows.vocabulary.Subject;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Workflow;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Evaluates, merges and searches, unless a request changes what is judged: then it is called off.
 */
final class Judging {

  private final Experiment experiment;
  private final Cohort cohort;
  private final Standing standing;
  private final ExperimentJournal journal;
  private final Ensembles ensembles;
  private final Evaluations evaluations;
  private Optional<CancellationScope> underWay = Optional.empty();
  private boolean calledOff; // by a request
  private boolean rerunAsked;
  private List<ModelRef> lastJudged = List.of();
  private EnsembleRef merged = EnsembleRef.NONE;
  private Optional<Failure> failure = Optional.empty();

  Judging(
      Experiment experiment,
      Cohort cohort,
      Standing standing,
      ExperimentJournal journal,
      Ensembles ensembles) {
    this.experiment = experiment;
    this.cohort = cohort;
    this.standing = standing;
    this.journal = journal;
    this.ensembles = ensembles;
    evaluations = new Evaluations(experiment, standing);
  }

  /** Why it failed; empty: it has not, or not since it began again. */
  Optional<Failure> failure() {
    return failure;
  }

  /** The ensemble after merging; of no models: not merged. */
  EnsembleRef merged() {
    return merged;
  }

  /** Stops what is under way; what was measured of models that stay as they are is kept. */
  void callOff() {
    calledOff = true;
    underWay.ifPresent(scope -> scope.cancel("called off"));
  }

  /** Begins again, and measures everything anew. */
  void rerun() {
    rerunAsked = true;
    callOff();
  }

  /** Removes what an evaluation that has not ended has left. */
  void discardShards() {
    evaluations.discardShards();
  }

  /**
   * Judges the models as they are, until that is done or given up; false: called off by a request
   * that changes what is judged, or that pauses the experiment.
   */
  boolean judge(Reference reference, List<TimestepRange> ranges) {
    calledOff = false;
    failure = Optional.empty();
    List<ModelRef> specialists = cohort.specialists(ranges);
    standing.enter(Stage.EVALUATING);
    forgetStaleFigures(specialists);
    evaluations.clear();
    try {
      CancellationScope scope =
          Workflow.newCancellationScope(() -> compare(reference.measure(), specialists));
      if (!calledOff) {
        underWay = Optional.of(scope);
        scope.run();
      }
    } catch (TemporalFailure e) {
      evaluations.awaitEnds(); // none that was stopped writes its figures after this
      if (calledOff) {
        experiment.turns().giveBack();
      } else {
        if (Failure.isCancellation(e)) {
          throw e;
        }
        failure = Optional.of(Failure.of(e));
        standing.enter(Stage.AWAITING_RETRY, failure.get());
        standing.awaitUntilDeadline(() -> calledOff);
      }
    } finally {
      underWay = Optional.empty();
    }
    return !calledOff;
  }

  /** Figures of models that have changed since, or that shall be measured again, hold no more. */
  private void forgetStaleFigures(List<ModelRef> specialists) {
    List<ModelRef> models =
        Stream.concat(specialists.stream(), cohort.trainedOneToOne().stream()).toList();
    boolean asked = rerunAsked;
    boolean changed = !lastJudged.isEmpty() && !lastJudged.equals(models);
    rerunAsked = false;
    lastJudged = models;
    if (asked) {
      evaluations.measureAnew();
    }
    if (asked || changed) {
      List<Subject> stale =
          Arrays.stream(Subject.values()).filter(s -> asked || s != Subject.TEACHER).toList();
      evaluations.forget(stale);
      journal.reevaluation(stale, asked);
    }
  }

  private void compare(Measure by, List<ModelRef> specialists) {
    evaluations.begin(Subject.TEACHER, by, ensembles.keep(List.of(cohort.teacher().result())));
    List<ModelRef> oneToOne = cohort.trainedOneToOne();
    if (experiment.spec().students().oneToOneBaseline() && !oneToOne.isEmpty()) {
      evaluations.begin(Subject.ONE_TO_ONE, by, ensembles.keep(oneToOne));
    }
    EnsembleRef ensemble = ensembles.keep(specialists);
    boolean whole = cohort.isWhole();
    if (whole) {
      evaluations.begin(Subject.O2MKD, by, ensemble);
    } else if (cohort.hasTrainedStudents()) {
      evaluations.begin(Subject.O2MKD_PARTIAL, by, ensemble);
    }
    evaluations.await();
    merged = whole ? merge(by, ensemble) : EnsembleRef.NONE;
    if (whole) {
      searchSchedule(by, ensemble);
    }
  }

  /** The students joined as the spec wants, and evaluated; empty: not asked for, or impossible. */
  private EnsembleRef merge(Measure by, EnsembleRef specialists) {
    ExperimentSpec spec = experiment.spec();
    if (spec.merge().kind() == MergeSpec.Kind.NONE) {
      return EnsembleRef.NONE;
    }
    standing.enter(Stage.MERGING);
    Merge task = new Merge(experiment.id(), spec.seed(), spec.merge(), by, specialists);
    experiment.turns().await(task);
    EnsembleRef joined =
        experiment
            .merging("merge of %d students".formatted(specialists.models()))
            .merge(task)
            .models();
    if (joined.models() > 0) {
      evaluations.begin(Subject.MERGED, by, joined);
      evaluations.await();
    }
    return joined;
  }

  private void searchSchedule(Measure by, EnsembleRef specialists) {
    ScheduleSearchSpec wanted = experiment.spec().search();
    if (wanted.evaluations() == 0) {
      return;
    }
    standing.enter(Stage.SEARCHING);
    SearchSchedule task =
        new SearchSchedule(
            experiment.id(),
            experiment.spec().seed(),
            wanted,
            by,
            cohort.teacher().result(),
            specialists,
            cohort.trainedOneToOne());
    experiment.turns().await(task);
    experiment
        .merging("search of %d schedules".formatted(wanted.evaluations()))
        .searchSchedule(task);
  }
}
