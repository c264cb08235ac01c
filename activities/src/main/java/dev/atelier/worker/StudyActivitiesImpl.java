package dev.atelier.worker;

import dev.atelier.report.Report;
import dev.atelier.report.StudyFiles;
import dev.atelier.report.StudyReports;
import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.Sha256;
import dev.atelier.store.StudyHistory;
import dev.atelier.workflows.StudyActivities;
import dev.atelier.workflows.vocabulary.ArtifactKind;
import java.util.Optional;

/** Writes what the study's workflow decides into its row, and its report into the store. */
final class StudyActivitiesImpl implements StudyActivities {

  private final ObjectStore store;
  private final ArtifactHistory artifacts;
  private final StudyHistory history;

  StudyActivitiesImpl(ObjectStore store, ArtifactHistory artifacts, StudyHistory history) {
    this.store = store;
    this.artifacts = artifacts;
    this.history = history;
  }

  @Override
  public MemberSpec memberSpec(Member member) {
    return Failures.translating(() -> new MemberSpec(history.unfinished(member.experimentId())));
  }

  @Override
  public void recordStudyStage(RecordStudyStage stage) {
    Failures.translating(
        () -> history.recordStage(stage.studyId(), stage.stage(), stage.errorMessage()));
  }

  @Override
  public void reportStudy(ReportStudy study) {
    Failures.translating(
        () -> {
          Report report = StudyReports.render(history.report(study.studyId()), filesOf());
          for (Report.File file : report.files()) {
            String key = ExperimentKeys.studyReport(study.studyId(), file.name());
            store.put(key, file.content(), file.contentType());
            history.recordArtifact(
                study.studyId(),
                new Artifact(
                    file.name(),
                    ArtifactKind.REPORT,
                    key,
                    file.contentType(),
                    file.content().length,
                    Sha256.of(file.content())));
          }
        });
  }

  private StudyFiles filesOf() {
    return new StudyFiles() {
      @Override
      public Optional<byte[]> grid(String experimentId, String subject) {
        return file(experimentId, Artifact.samplesOf(subject));
      }

      @Override
      public Optional<byte[]> drift(String experimentId) {
        return file(experimentId, AssignmentActivitiesImpl.DRIFT_FILE);
      }

      private Optional<byte[]> file(String experimentId, String name) {
        return artifacts.objectKey(experimentId, name).flatMap(store::get);
      }
    };
  }
}
