package dev.atelier.training;

import dev.atelier.spec.LossSpec;
import dev.atelier.spec.StudentsSpec.RangeDraw;
import dev.atelier.spec.TimestepRange;

/**
 * What makes a training a student's.
 *
 * @param teacher frozen
 * @param range the timesteps the student owns
 * @param specificProbability p: the probability that a sample's t is drawn from {@code range} alone
 * @param loss the losses and their weights
 * @param antithetic whether t are drawn in mirrored pairs
 * @param rangeDraw whether p is drawn for each sample or for the batch
 */
public record Distillation(
    TeacherModel teacher,
    TimestepRange range,
    double specificProbability,
    LossSpec loss,
    boolean antithetic,
    RangeDraw rangeDraw) {

  /** Each sample draws its own range. */
  public Distillation(
      TeacherModel teacher,
      TimestepRange range,
      double specificProbability,
      LossSpec loss,
      boolean antithetic) {
    this(teacher, range, specificProbability, loss, antithetic, RangeDraw.SAMPLE);
  }

  /** Each t drawn for itself. */
  public Distillation(
      TeacherModel teacher, TimestepRange range, double specificProbability, LossSpec loss) {
    this(teacher, range, specificProbability, loss, false);
  }
}
