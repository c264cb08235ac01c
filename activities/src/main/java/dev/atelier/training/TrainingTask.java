package dev.atelier.training;

import dev.atelier.network.Network;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TrainingSpec;
import java.util.Optional;

/**
 * One model to train.
 *
 * @param name its name in messages, such as {@code student-2}
 * @param seed every random draw is a function of it; give each model of an experiment its own
 * @param specHash stored in each checkpoint
 * @param codeVersion stored in each checkpoint
 * @param distillation absent for a teacher
 * @param start the weights before the first step
 */
public record TrainingTask(
    String name,
    Network network,
    DiffusionSpec diffusion,
    TrainingSpec training,
    long seed,
    String specHash,
    String codeVersion,
    Optional<Distillation> distillation,
    InitialWeights start) {

  /** What the network learns to predict. */
  public Prediction predicts() {
    return distillation.isPresent() ? diffusion.studentsPredict() : diffusion.teacherPredicts();
  }

  /** One that starts from random weights. */
  public TrainingTask(
      String name,
      Network network,
      DiffusionSpec diffusion,
      TrainingSpec training,
      long seed,
      String specHash,
      String codeVersion,
      Optional<Distillation> distillation) {
    this(
        name,
        network,
        diffusion,
        training,
        seed,
        specHash,
        codeVersion,
        distillation,
        InitialWeights.RANDOM);
  }
}
