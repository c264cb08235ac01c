package dev.atelier.artifacts;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.StartRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** The weights that trainings began with, which merging needs. */
public record StoredStarts(ObjectStore store) {

  /** Keeps weights, by their content. */
  public StartRef keep(String experimentId, Map<String, HostTensor> weights, Path directory)
      throws IOException {
    Path file = directory.resolve("start.safetensors");
    SafetensorsFile.write(file, weights, Map.of("part", "start"));
    String sha256 = Sha256.of(file);
    String key = ExperimentKeys.start(experimentId, sha256);
    if (!store.exists(key)) {
      store.put(key, file, "application/octet-stream");
    }
    return new StartRef(key, sha256);
  }
}
