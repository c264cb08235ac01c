package dev.atelier.artifacts;

import dev.atelier.network.LowRank;
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
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.Models;
import dev.atelier.training.TeacherModel;
import dev.atelier.untrusted.RefusedCodeException;
import dev.atelier.untrusted.TorchScriptCheck;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StartRef;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

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
    StoredFile file = manifest.file(CheckpointPart.EMA.fileName());
    SafetensorsFile kept = SafetensorsFile.read(cache.file(file.key(), file.sha256()));
    Optional<LowRank> update = update(kept, network);
    Map<String, HostTensor> tensors =
        update.isPresent() ? update.get().merged(start(model), kept.tensors()) : kept.tensors();
    network.check(tensors, "'" + file.key() + "'");
    return tensors;
  }

  private static Optional<LowRank> update(SafetensorsFile kept, Network network) {
    return Optional.ofNullable(kept.metadata().get(LowRank.RANK))
        .map(rank -> new LowRank(network, Integer.parseInt(rank)));
  }

  /** What a low-rank update is of: the weights that its training began with, by their content. */
  private Map<String, HostTensor> start(ModelRef model) throws IOException {
    StartRef start =
        model
            .start()
            .orElseThrow(
                () ->
                    new ObjectCorruptException(
                        "Cannot load %s: it is a low-rank update, and what it is of is not known."
                            .formatted(model.key())));
    return SafetensorsFile.read(cache.file(start.objectKey(), start.sha256())).tensors();
  }

  /** Low-rank updates of the same weights, by the manifests of the models that they are. */
  private record Updates(LowRank form, ModelRef first, Map<String, LowRank.Turn> turns) {
    long parameters() {
      return form.network().parameters() + turns.size() * form.parameters();
    }
  }

  @Override
  public long parameters(List<ModelRef> models, DatasetRef dataset) throws IOException {
    Optional<Updates> shared = updatesOfOneBase(models, dataset);
    Map<String, ModelRef> others = Models.byManifest(models);
    shared.ifPresent(updates -> others.keySet().removeAll(updates.turns().keySet()));
    return shared.map(Updates::parameters).orElse(0L)
        + others.values().stream().mapToLong(model -> parameters(model, dataset)).sum();
  }

  @Override
  public Map<String, Path> sharedArchive(
      List<ModelRef> models, DatasetRef dataset, Path directory, NetworkForm form)
      throws IOException {
    Optional<Updates> shared = updatesOfOneBase(models, dataset);
    if (shared.isEmpty()) {
      return Map.of();
    }
    Updates updates = shared.get();
    Path file = directory.resolve("shared.pt");
    TorchScriptArchive.write(
        file,
        updates
            .form()
            .inferenceModule(
                "UNet", start(updates.first()), List.copyOf(updates.turns().values()), form));
    return updates.turns().keySet().stream().collect(Collectors.toMap(key -> key, key -> file));
  }

  /** Empty where fewer than two are, or not all of one base. */
  private Optional<Updates> updatesOfOneBase(List<ModelRef> models, DatasetRef dataset)
      throws IOException {
    if (Models.byManifest(models).size() < 2) {
      return Optional.empty(); // a large teacher's weights need not be read for that
    }
    Map<String, LowRank.Turn> turns = new LinkedHashMap<>();
    Optional<LowRank> shared = Optional.empty();
    Optional<ModelRef> first = Optional.empty();
    for (ModelRef model : models) {
      Optional<Network> network = Models.network(model, dataset);
      Optional<LowRank> update = Optional.empty();
      if (network.isPresent()) {
        SafetensorsFile kept = average(model);
        update = update(kept, network.get());
        if (update.isPresent()) {
          turns.put(model.manifestKey(), new LowRank.Turn(model.range(), kept.tensors()));
        }
      }
      if (update.isPresent() && first.isEmpty()) {
        shared = update;
        first = Optional.of(model);
      } else if (update.isPresent() && !isOfOneBase(model, first.get(), update, shared)) {
        return Optional.empty();
      }
    }
    return turns.size() < 2
        ? Optional.empty()
        : Optional.of(new Updates(shared.get(), first.get(), turns));
  }

  private static boolean isOfOneBase(
      ModelRef model, ModelRef other, Optional<LowRank> update, Optional<LowRank> shared) {
    return model.start().equals(other.start())
        && update.get().rank() == shared.get().rank()
        && model.network().equals(other.network());
  }

  private SafetensorsFile average(ModelRef model) throws IOException {
    StoredFile file =
        CheckpointManifest.read(store, model.manifestKey(), model.manifestSha256())
            .file(CheckpointPart.EMA.fileName());
    return SafetensorsFile.read(cache.file(file.key(), file.sha256()));
  }

  @Override
  public Optional<Map<String, HostTensor>> diffusersUpdate(ModelRef model, Network network)
      throws IOException {
    SafetensorsFile kept = average(model);
    return update(kept, network).map(update -> update.asDiffusers(kept.tensors()));
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
