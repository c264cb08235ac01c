package dev.atelier.publication;

import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.vocabulary.ArtifactKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Files of an experiment as objects, with rows by which the API finds them. */
final class StoredExport implements ExportFiles {

  private final ObjectStore store;
  private final ArtifactHistory artifacts;
  private final String experimentId;
  private final Map<String, Artifact> kept = new HashMap<>();

  StoredExport(ObjectStore store, ArtifactHistory artifacts, String experimentId) {
    this.store = store;
    this.artifacts = artifacts;
    this.experimentId = experimentId;
  }

  @Override
  public void keep(String name, Path file, String contentType) throws IOException {
    String key = ExperimentKeys.export(experimentId, name);
    store.put(key, file, contentType);
    record(
        new Artifact(
            name, ArtifactKind.EXPORT, key, contentType, Files.size(file), Sha256.of(file)));
  }

  @Override
  public void keepAgain(String name, String kept) {
    Artifact first = this.kept.get(kept);
    record(
        new Artifact(
            name,
            first.kind(),
            first.objectKey(),
            first.contentType(),
            first.bytes(),
            first.sha256()));
  }

  private void record(Artifact artifact) {
    artifacts.record(experimentId, artifact);
    kept.put(artifact.name(), artifact);
  }
}
