package dev.atelier.training;

import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.file.Path;
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

  /** The weights of a model of {@code network}, by their names in safetensors files. */
  Map<String, HostTensor> weights(ModelRef model, Network network) throws IOException;

  /** The model as a frozen teacher. */
  TeacherModel teacher(ModelRef model, DatasetRef dataset) throws IOException;

  /**
   * A TorchScript file {@code (x [N, C, H, W], t [N]) -> eps}, with {@code y [N]} after t where the
   * dataset has classes: written into {@code directory} in {@code form}, or the user's own.
   */
  Path archive(ModelRef model, DatasetRef dataset, Path directory, NetworkForm form)
      throws IOException;
}
