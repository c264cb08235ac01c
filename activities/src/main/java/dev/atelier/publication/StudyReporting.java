package dev.atelier.publication;

import dev.atelier.assignment.RangeFinder;
import dev.atelier.report.Report;
import dev.atelier.report.StudyFiles;
import dev.atelier.report.StudyReports;
import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.StudyHistory;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.vocabulary.ArtifactKind;
import java.util.Optional;

/** Writes a study's report, from what the database and the store hold of its experiments. */
public record StudyReporting(ObjectStore store, ArtifactHistory artifacts, StudyHistory history)
    implements StudyFiles {

  /** Renders the report of a study, and keeps its files. */
  public void write(String studyId) {
    Report report = StudyReports.render(history.report(studyId), this);
    for (Report.File file : report.files()) {
      String key = ExperimentKeys.studyReport(studyId, file.name());
      store.put(key, file.content(), file.contentType());
      history.recordArtifact(
          studyId,
          new Artifact(
              file.name(),
              ArtifactKind.REPORT,
              key,
              file.contentType(),
              file.content().length,
              Sha256.of(file.content())));
    }
  }

  @Override
  public Optional<byte[]> grid(String experimentId, String subject) {
    return file(experimentId, Artifact.samplesOf(subject));
  }

  @Override
  public Optional<byte[]> drift(String experimentId) {
    return file(experimentId, RangeFinder.DRIFT_FILE);
  }

  private Optional<byte[]> file(String experimentId, String name) {
    return artifacts.objectKey(experimentId, name).flatMap(store::get);
  }
}
