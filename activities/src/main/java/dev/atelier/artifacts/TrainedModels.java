package dev.atelier.artifacts;

import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.files.TeacherException;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.ObjectStore;
import dev.atelier.training.Checkpoint.Part;
import dev.atelier.training.Models;
import dev.atelier.training.TeacherModel;
import dev.atelier.untrusted.RefusedCodeException;
import dev.atelier.untrusted.TorchScriptCheck;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Trained models as networks, weights and files. A model's weights are its EMA weights. */
public final class TrainedModels implements Models {

  /** File of the manifest of an imported TorchScript teacher. */
  public static final String IMPORTED_ARCHIVE = "model.pt";

  private final ObjectStore store;
  private final ArtifactCache cache;

  public TrainedModels(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
  }

  @Override
  public long parameters(ModelRef model, DatasetRef dataset) {
    return Models.network(model, dataset)
        .map(Network::parameters)
        .orElseGet(
            () -> {
              try (TorchModule module =
                  Libtorch.load(importedArchive(model), "cpu", TorchModule.Mode.INFERENCE)) {
                return module.parameters();
              }
            });
  }

  @Override
  public Map<String, HostTensor> weights(ModelRef model, Network network) throws IOException {
    CheckpointManifest manifest =
        CheckpointManifest.read(store, model.manifestKey(), model.manifestSha256());
    StoredFile file = manifest.file(Part.EMA.fileName());
    Map<String, HostTensor> tensors =
        SafetensorsFile.read(cache.file(file.key(), file.sha256())).tensors();
    network.check(tensors, "'" + file.key() + "'");
    return tensors;
  }

  /** The archive that a user gave, as it was given. */
  private Path importedArchive(ModelRef model) {
    StoredFile file =
        CheckpointManifest.read(store, model.manifestKey(), model.manifestSha256())
            .file(IMPORTED_ARCHIVE);
    Path archive = cache.file(file.key(), file.sha256());
    try {
      TorchScriptCheck.check(archive); // it may have been kept before there was a check
    } catch (RefusedCodeException e) {
      throw new TeacherException(file.key(), "it " + e.getMessage(), e);
    }
    return archive;
  }

  @Override
  public TeacherModel teacher(ModelRef model, DatasetRef dataset) throws IOException {
    Optional<Network> network = Models.network(model, dataset);
    return network.isPresent()
        ? new TeacherModel.Weights(network.get(), weights(model, network.get()))
        : new TeacherModel.Archive(importedArchive(model));
  }

  @Override
  public Path archive(ModelRef model, DatasetRef dataset, Path directory, NetworkForm form)
      throws IOException {
    Optional<Network> network = Models.network(model, dataset);
    if (network.isEmpty()) {
      return importedArchive(model);
    }
    Path file = directory.resolve(model.key() + ".pt");
    TorchScriptArchive.write(
        file,
        network.get().inferenceModule("UNet", weights(model, network.get()), form, Precision.FP32));
    return file;
  }
}
