package dev.atelier.workflows;

import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;

/** Trains one model to its last step, from its last good checkpoint if it has one. */
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
   * A student to distil from the teacher.
   *
   * @param range the timesteps it owns
   * @param specificProbability p: the probability that a sample's t is drawn from {@code range}
   *     alone
   */
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
      LossSpec loss) {}

  @ActivityMethod(name = "TrainTeacher")
  ModelRef trainTeacher(TrainTeacher task);

  @ActivityMethod(name = "TrainStudent")
  ModelRef trainStudent(TrainStudent task);
}
