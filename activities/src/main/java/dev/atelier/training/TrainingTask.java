package dev.atelier.training;

import dev.atelier.graph.Weight;
import dev.atelier.network.LowRank;
import dev.atelier.network.Network;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TrainingSpec;
import java.util.List;
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
 * @param update what is trained in place of the network's weights, which stay those of the start;
 *     absent: they are trained
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
    InitialWeights start,
    Optional<LowRank> update) {

  /** One whose weights are trained. */
  public TrainingTask(
      String name,
      Network network,
      DiffusionSpec diffusion,
      TrainingSpec training,
      long seed,
      String specHash,
      String codeVersion,
      Optional<Distillation> distillation,
      InitialWeights start) {
    this(
        name,
        network,
        diffusion,
        training,
        seed,
        specHash,
        codeVersion,
        distillation,
        start,
        Optional.empty());
  }

  /** What is trained and averaged, in order. */
  List<Weight> averaged() {
    return update.map(LowRank::weights).orElseGet(network::weights);
  }

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
