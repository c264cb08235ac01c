package dev.atelier.artifacts;

import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.workflows.vocabulary.ArtifactKind;

/** Files of experiments that users can download: first the object, then the row that names it. */
public final class StoredExperimentFiles implements ExperimentFiles {

  private final ObjectStore store;
  private final ArtifactHistory artifacts;

  public StoredExperimentFiles(ObjectStore store, ArtifactHistory artifacts) {
    this.store = store;
    this.artifacts = artifacts;
  }

  @Override
  public void keepSamples(String experimentId, String subject, byte[] png) {
    String name = Artifact.samplesOf(subject);
    keep(
        experimentId,
        name,
        ArtifactKind.GRID,
        ExperimentKeys.samples(experimentId, name),
        "image/png",
        png);
  }

  @Override
  public void keepPrompts(String experimentId, String subject, byte[] json) {
    String name = Artifact.promptsOf(subject);
    String key = ExperimentKeys.samples(experimentId, name);
    keep(experimentId, name, ArtifactKind.GRID_PROMPTS, key, "application/json", json);
  }

  @Override
  public void keepTrajectory(
      String experimentId, String subject, String extension, String contentType, byte[] content) {
    String name = Artifact.trajectoryOf(subject, extension);
    String key = ExperimentKeys.samples(experimentId, name);
    keep(experimentId, name, ArtifactKind.TRAJECTORY, key, contentType, content);
  }

  @Override
  public void keepReport(String experimentId, String name, String contentType, byte[] content) {
    String key = ExperimentKeys.report(experimentId, name);
    keep(experimentId, name, ArtifactKind.REPORT, key, contentType, content);
  }

  private void keep(
      String experimentId,
      String name,
      ArtifactKind kind,
      String key,
      String contentType,
      byte[] content) {
    store.put(key, content, contentType);
    artifacts.record(
        experimentId,
        new Artifact(name, kind, key, contentType, content.length, Sha256.of(content)));
  }
}
