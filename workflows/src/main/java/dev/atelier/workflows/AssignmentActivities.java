package dev.atelier.workflows;

import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.TimestepRange;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.List;
import java.util.Optional;

/** Finds the ranges that are not known at launch. */
@ActivityInterface
public interface AssignmentActivities {

  /**
   * The ranges to find.
   *
   * @param assignment of a kind that is {@linkplain AssignmentSpec#plannedLater planned later}
   * @param students number of ranges
   * @param sampler whose steps are counted; a task of an earlier version says nothing of it
   */
  record PlanRanges(
      String experimentId,
      long seed,
      DatasetRef dataset,
      DiffusionSpec diffusion,
      AssignmentSpec assignment,
      int students,
      ModelRef teacher,
      Optional<SamplerSpec> sampler) {

    public PlanRanges {
      sampler = sampler == null ? Optional.empty() : sampler;
    }
  }

  /** One range per student, smallest timesteps first; they cover [0, T). */
  record PlannedRanges(List<TimestepRange> ranges) {}

  /** Finds the ranges and records them; what was measured for it is kept as a file for users. */
  @ActivityMethod(name = "PlanRanges")
  PlannedRanges planRanges(PlanRanges task);
}
