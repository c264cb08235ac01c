package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.HostTensor;
import dev.atelier.network.UNet;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.TrainingSpec;
import java.util.Map;
import java.util.Optional;

/**
 * One model to train.
 *
 * @param name its name in messages, such as {@code student-2}
 * @param seed every random draw is a function of it; give each model of an experiment its own
 * @param specHash stored in each checkpoint
 * @param codeVersion stored in each checkpoint
 * @param distillation absent for a teacher
 * @param startSeed the weights that it starts from are a function of it and the network: models
 *     that shall be merged need the same one
 */
public record TrainingTask(
    String name,
    UNet network,
    DiffusionSpec diffusion,
    TrainingSpec training,
    long seed,
    String specHash,
    String codeVersion,
    Optional<Distillation> distillation,
    long startSeed) {

  /** With weights of its own to start from. */
  public TrainingTask(
      String name,
      UNet network,
      DiffusionSpec diffusion,
      TrainingSpec training,
      long seed,
      String specHash,
      String codeVersion,
      Optional<Distillation> distillation) {
    this(name, network, diffusion, training, seed, specHash, codeVersion, distillation, seed);
  }

  /** The weights before the first step, by name. */
  public Map<String, HostTensor> startWeights() {
    return network.initialise(new SeededRandom(startSeed));
  }
}
