package dev.atelier.training;

import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import java.nio.file.Path;
import java.util.Map;

/** The frozen model that a student learns from. */
public sealed interface TeacherModel {

  /**
   * A network of ours: it runs in the same native call as the student's step, and in its precision.
   *
   * @param weights by name
   */
  record Weights(Network network, Map<String, HostTensor> weights) implements TeacherModel {}

  /**
   * Anything else: a TorchScript file {@code (x [N, C, H, W], t [N] int64) -> eps}, with {@code y
   * [N] int64} after t for a conditional student, run in a call of its own, in the precision that
   * it asks for.
   */
  record Archive(Path path) implements TeacherModel {}

  /**
   * The teacher of {@code task}, which must be a network of ours.
   *
   * @param wanted what students.startFrom has it for
   * @throws InvalidSpecException if it is none
   */
  static Weights known(TrainingTask task, String wanted) {
    if (task.distillation().orElseThrow().teacher() instanceof Weights weights) {
      return weights;
    }
    throw new InvalidSpecException(
        "students.startFrom can't %s: it is a TorchScript file, of which no network is known; expected random or one-to-one."
            .formatted(wanted));
  }
}
