package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.StudentsSpec.RangeDraw;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import io.soabase.recordbuilder.core.RecordBuilder;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.Optional;

/** Brings one model to its end: by training, from its last good checkpoint on, or by import. */
@ActivityInterface
public interface TrainingActivities {

  /** A teacher to train on the images alone. */
  record TrainTeacher(
      String experimentId,
      long seed,
      DatasetRef dataset,
      DiffusionSpec diffusion,
      NetworkSpec network,
      TrainingSpec training) {}

  /**
   * A finished teacher to fetch, check and keep.
   *
   * @param network as the spec has it; the source's own must agree unless it is the default
   * @param clip whether the spec's sampler clips x_0, with which the source must agree; absent: it
   *     does
   * @param variant of a folder's weights; absent: those without one, else the only one
   */
  record ImportTeacher(
      String experimentId,
      String source,
      DatasetRef dataset,
      DiffusionSpec diffusion,
      NetworkSpec network,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Boolean> clip,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<String> variant) {

    /** With a sampler that clips. */
    public ImportTeacher(
        String experimentId,
        String source,
        DatasetRef dataset,
        DiffusionSpec diffusion,
        NetworkSpec network) {
      this(experimentId, source, dataset, diffusion, network, Optional.empty(), Optional.empty());
    }

    public ImportTeacher {
      clip = clip == null ? Optional.empty() : clip;
      variant = variant == null ? Optional.empty() : variant;
    }
  }

  /**
   * A student to distil from the teacher.
   *
   * @param range the timesteps it owns
   * @param specificProbability p: the probability that a sample's t is drawn from {@code range}
   *     alone
   * @param antithetic whether the batch's t are drawn in mirrored pairs
   * @param startFrom where its first weights come from
   * @param oneToOne the model whose weights it starts from, when {@code startFrom} says so
   * @param rangeDraw whether p is drawn for each sample or for the batch
   * @param rank of the low-rank update of its first weights that is trained; absent: they are
   */
  @RecordBuilder
  record TrainStudent(
      String experimentId,
      ModelKey key,
      long seed,
      DatasetRef dataset,
      DiffusionSpec diffusion,
      NetworkSpec network,
      TrainingSpec training,
      ModelRef teacher,
      TimestepRange range,
      double specificProbability,
      LossSpec loss,
      boolean antithetic,
      StartFrom startFrom,
      Optional<ModelRef> oneToOne,
      RangeDraw rangeDraw,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Integer> rank) {

    public TrainStudent {
      rank = rank == null ? Optional.empty() : rank;
      rangeDraw = rangeDraw == null ? RangeDraw.SAMPLE : rangeDraw; // a history of before it
    }
  }

  @ActivityMethod(name = "TrainTeacher")
  ModelRef trainTeacher(TrainTeacher task);

  @ActivityMethod(name = "ImportTeacher")
  ModelRef importTeacher(ImportTeacher task);

  @ActivityMethod(name = "TrainStudent")
  ModelRef trainStudent(TrainStudent task);
}
