package dev.atelier.worker;

import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.ExperimentHistory.Artifact;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.Sha256;

/** Files of experiments that users can download: first the object, then the row that names it. */
final class ExperimentFiles {

  private final ObjectStore store;
  private final ExperimentHistory history;

  ExperimentFiles(ObjectStore store, ExperimentHistory history) {
    this.store = store;
    this.history = history;
  }

  /** Keeps a sample grid, where REST finds it. */
  void keepSamples(String experimentId, String subject, byte[] png) {
    String name = Artifact.samplesOf(subject);
    keep(experimentId, name, "grid", ExperimentKeys.samples(experimentId, name), "image/png", png);
  }

  /**
   * Keeps what sampling made of noise, step by step.
   *
   * @param extension "png" for the picture, "json" for the timesteps of its rows
   */
  void keepTrajectory(
      String experimentId, String subject, String extension, String contentType, byte[] content) {
    String name = Artifact.trajectoryOf(subject, extension);
    String key = ExperimentKeys.samples(experimentId, name);
    keep(experimentId, name, "trajectory", key, contentType, content);
  }

  void keepReport(String experimentId, String name, String contentType, byte[] content) {
    String key = ExperimentKeys.report(experimentId, name);
    keep(experimentId, name, "report", key, contentType, content);
  }

  private void keep(
      String experimentId,
      String name,
      String kind,
      String key,
      String contentType,
      byte[] content) {
    store.put(key, content, contentType);
    history.recordArtifact(
        experimentId,
        new Artifact(name, kind, key, contentType, content.length, Sha256.of(content)));
  }
}
