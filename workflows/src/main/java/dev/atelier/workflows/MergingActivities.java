package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.List;

/** Makes other ensembles of trained models, without training. */
@ActivityInterface
public interface MergingActivities {

  /**
   * How the distance of an ensemble is measured while others wait for it.
   *
   * @param distilledGuidance whether students have learned guided predictions, and are asked once
   */
  record Measure(
      DatasetRef dataset,
      DiffusionSpec diffusion,
      EvaluationSpec evaluation,
      ExtractorRef extractor,
      StatisticsRef reference,
      @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean distilledGuidance) {

    /** Of students that have learned predictions as they are. */
    public Measure(
        DatasetRef dataset,
        DiffusionSpec diffusion,
        EvaluationSpec evaluation,
        ExtractorRef extractor,
        StatisticsRef reference) {
      this(dataset, diffusion, evaluation, extractor, reference, false);
    }
  }

  /** Students to join into fewer models. */
  record Merge(
      String experimentId, long seed, MergeSpec merge, Measure measure, EnsembleRef students) {}

  /**
   * The ensemble after merging: students that stayed alone, and merged models.
   *
   * @param models none: these students cannot be merged, and an event of the experiment says why
   */
  record Merged(EnsembleRef models) {}

  /** Models of which each may own ranges of students. */
  record SearchSchedule(
      String experimentId,
      long seed,
      ScheduleSearchSpec search,
      Measure measure,
      ModelRef teacher,
      EnsembleRef students,
      List<ModelRef> oneToOne // empty or one
      ) {}

  @ActivityMethod(name = "Merge")
  Merged merge(Merge task);

  /** Keeps every schedule tried, and which are on the frontier of distance against MACs. */
  @ActivityMethod(name = "SearchSchedule")
  void searchSchedule(SearchSchedule task);
}
