package dev.atelier.artifacts;

import dev.atelier.merging.MergedModels;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.TrainingEnvironment;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Device;
import dev.atelier.version.CodeVersion;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Merged models as checkpoints in the store. */
public record StoredMergedModels(ObjectStore store, Device device) implements MergedModels {

  @Override
  public ModelRef keep(String experimentId, int m, Merged model, Path directory)
      throws IOException {
    Path file = directory.resolve(CheckpointPart.EMA.fileName());
    SafetensorsFile.write(file, model.weights(), Map.of("part", "ema"));
    String sha256 = Sha256.of(file);
    String prefix = ExperimentKeys.merged(experimentId, m, sha256);
    String key = prefix + CheckpointPart.EMA.fileName();
    store.put(key, file, "application/octet-stream");
    byte[] manifest =
        new CheckpointManifest(
                model.step(),
                Sha256.of(model.how().toString().getBytes(StandardCharsets.UTF_8)),
                CodeVersion.MERGING.current(),
                Optional.of(TrainingEnvironment.here(device.name(), device.threads())),
                List.of(
                    new StoredFile(CheckpointPart.EMA.fileName(), key, sha256, Files.size(file))))
            .toJson();
    store.put(prefix + "manifest.json", manifest, "application/json");
    return new ModelRef(
        ModelKey.merged(m),
        model.network(),
        model.range(),
        prefix + "manifest.json",
        Sha256.of(manifest),
        model.step());
  }
}
