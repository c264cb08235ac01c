package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Where the weights come from that a training has before its first step. */
public interface InitialWeights {

  /** As PyTorch starts layers, from the task's seed. */
  InitialWeights RANDOM =
      (task, images, device, work) -> task.network().initialise(new SeededRandom(task.seed()));

  /** The same, from a seed that several tasks may share: models of one network then start alike. */
  static InitialWeights random(long seed) {
    return (task, images, device, work) -> task.network().initialise(new SeededRandom(seed));
  }

  /**
   * The weights of the task's network by name: the same ones for the same task and images. A
   * training asks only when there is no checkpoint.
   *
   * @param work a directory for temporary files
   * @throws InvalidSpecException if the task can't start in this way
   */
  Map<String, HostTensor> of(TrainingTask task, ImageSource images, String device, Path work)
      throws IOException;
}
