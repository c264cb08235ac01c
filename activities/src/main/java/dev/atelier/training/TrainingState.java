package dev.atelier.training;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.graph.Weight;
import dev.atelier.network.FeatureLoss;
import dev.atelier.network.LowRank;
import dev.atelier.network.Network;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Moves the state of a training between the network's start, libtorch and checkpoint files. */
final class TrainingState {

  private TrainingState() {}

  /** Before the first step: the average equals the weights, the moments are zero. */
  static State initial(Map<String, HostTensor> weights) {
    return new State(weights, weights, zeros(weights), zeros(weights));
  }

  /** The same with the adaptors of a feature loss, at their start. */
  static State withAdaptors(State state, FeatureLoss feature, Network student, long seed) {
    Map<String, HostTensor> adaptors = feature.initialise(student, new SeededRandom(seed));
    return new State(
        joined(state.weights(), adaptors),
        state.ema(),
        joined(state.expAvg(), zeros(adaptors)),
        joined(state.expAvgSq(), zeros(adaptors)));
  }

  private static Map<String, HostTensor> joined(
      Map<String, HostTensor> first, Map<String, HostTensor> second) {
    Map<String, HostTensor> both = new LinkedHashMap<>(first);
    both.putAll(second);
    return both;
  }

  private static Map<String, HostTensor> zeros(Map<String, HostTensor> like) {
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    like.forEach((name, w) -> zeros.put(name, HostTensor.zeros(w.dtype(), w.shape())));
    return zeros;
  }

  /** As {@code checkpoint} holds it. */
  static State read(Checkpoint checkpoint) throws IOException {
    return new State(
        SafetensorsFile.read(checkpoint.file(CheckpointPart.WEIGHTS)).tensors(),
        SafetensorsFile.read(checkpoint.file(CheckpointPart.EMA)).tensors(),
        SafetensorsFile.read(checkpoint.file(CheckpointPart.EXP_AVG)).tensors(),
        SafetensorsFile.read(checkpoint.file(CheckpointPart.EXP_AVG_SQ)).tensors());
  }

  /** Writes the state that {@code module} holds after {@code step} steps into {@code directory}. */
  static Checkpoint write(TorchModule module, TrainingTask task, int step, Path directory)
      throws IOException {
    Files.createDirectories(directory);
    Checkpoint checkpoint = new Checkpoint(step, task.specHash(), task.codeVersion(), directory);
    List<Weight> trained = new ArrayList<>(task.averaged());
    Teacher.featureLoss(task).ifPresent(feature -> trained.addAll(feature.adaptors()));
    for (CheckpointPart part : CheckpointPart.values()) {
      String method =
          switch (part) {
            case WEIGHTS -> "weights";
            case EMA -> "ema";
            case EXP_AVG -> "exp_avg";
            case EXP_AVG_SQ -> "exp_avg_sq";
          };
      module.read(
          method,
          values -> {
            Map<String, HostTensor> tensors = new LinkedHashMap<>();
            for (int i = 0; i < values.size(); i++) {
              tensors.put(trained.get(i).name(), values.get(i)); // the average ends earlier
            }
            Path file = checkpoint.file(part);
            Map<String, String> metadata = new LinkedHashMap<>();
            metadata.put("step", Integer.toString(step));
            metadata.put("part", method);
            task.update().ifPresent(u -> metadata.put(LowRank.RANK, Integer.toString(u.rank())));
            SafetensorsFile.write(file, tensors, metadata);
            return file;
          });
    }
    return checkpoint;
  }
}
