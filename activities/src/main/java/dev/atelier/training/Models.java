package dev.atelier.training;

import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Trained models as networks, weights and files. A model's weights are its EMA weights. */
public interface Models {

  /** The network of {@code spec} for the images of {@code dataset}. */
  static Network network(NetworkSpec spec, DatasetRef dataset) {
    return Network.of(spec, dataset.resolution(), dataset.channels(), dataset.classes());
  }

  /** The model's network; empty: it is a TorchScript archive of a user. */
  static Optional<Network> network(ModelRef model, DatasetRef dataset) {
    return model.network().map(spec -> network(spec, dataset));
  }

  /** Number of learned numbers. */
  long parameters(ModelRef model, DatasetRef dataset);

  /** Of all models, each counted once, as what low-rank updates share. */
  default long parameters(List<ModelRef> models, DatasetRef dataset) throws IOException {
    return byManifest(models).values().stream()
        .mapToLong(model -> parameters(model, dataset))
        .sum();
  }

  /** Each model once, whatever ranges it owns. */
  static Map<String, ModelRef> byManifest(List<ModelRef> models) {
    Map<String, ModelRef> distinct = new LinkedHashMap<>();
    models.forEach(model -> distinct.put(model.manifestKey(), model));
    return distinct;
  }

  /** The weights of a model of {@code network}, by their names in safetensors files. */
  Map<String, HostTensor> weights(ModelRef model, Network network) throws IOException;

  /**
   * The low-rank update that a model is of the weights it started from, as a LoRA of diffusers, by
   * layer; empty: it is none.
   */
  default Optional<Map<String, HostTensor>> diffusersUpdate(ModelRef model, Network network)
      throws IOException {
    return Optional.empty();
  }

  /**
   * One archive of all of {@code models} that are low-rank updates of the same weights, by the
   * manifests of these; empty where fewer than two are. It may be asked at timesteps of their
   * ranges alone, of which all in a batch are equal.
   */
  default Map<String, Path> sharedArchive(
      List<ModelRef> models, DatasetRef dataset, Path directory, NetworkForm form)
      throws IOException {
    return Map.of();
  }

  /** The model as a frozen teacher. */
  TeacherModel teacher(ModelRef model, DatasetRef dataset) throws IOException;

  /**
   * A TorchScript file {@code (x [N, C, H, W], t [N]) -> eps}, with {@code y [N]} after t where the
   * dataset has classes: written into {@code directory} in {@code form}, or the user's own.
   */
  Path archive(ModelRef model, DatasetRef dataset, Path directory, NetworkForm form)
      throws IOException;
}
