package dev.atelier.worker;

import dev.atelier.network.HostTensor;
import dev.atelier.network.SafetensorsFile;
import dev.atelier.network.TorchScriptArchive;
import dev.atelier.network.UNet;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.ObjectStore;
import dev.atelier.training.Checkpoint.Part;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** Trained models as networks, weights and files. A model's weights are its EMA weights. */
final class TrainedModels {

  private final ObjectStore store;
  private final ArtifactCache cache;

  TrainedModels(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
  }

  static UNet network(ModelRef model, DatasetRef dataset) {
    return UNet.of(model.network(), dataset.resolution(), dataset.channels());
  }

  /** The model's weights, by their names in safetensors files. */
  Map<String, HostTensor> weights(ModelRef model, DatasetRef dataset) throws IOException {
    CheckpointManifest manifest =
        CheckpointManifest.read(store, model.manifestKey(), model.manifestSha256());
    StoredFile file = manifest.file(Part.EMA.fileName());
    Map<String, HostTensor> tensors =
        SafetensorsFile.read(cache.file(file.key(), file.sha256())).tensors();
    network(model, dataset).check(tensors, "'" + file.key() + "'");
    return tensors;
  }

  /** Writes a TorchScript file {@code (x [N, C, H, W], t [N]) -> eps} into {@code directory}. */
  Path writeArchive(ModelRef model, DatasetRef dataset, Path directory) throws IOException {
    Path file = directory.resolve(model.key() + ".pt");
    TorchScriptArchive.write(
        file, network(model, dataset).inferenceModule("UNet", weights(model, dataset)));
    return file;
  }
}
