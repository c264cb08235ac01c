package dev.atelier.worker;

import dev.atelier.publication.StudyReporting;
import dev.atelier.store.StudyHistory;
import dev.atelier.workflows.StudyActivities;

/** Writes what the study's workflow decides into its row, and its report into the store. */
record StudyActivitiesImpl(StudyHistory history, StudyReporting reporting)
    implements StudyActivities {

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
    Failures.translating(() -> reporting.write(study.studyId()));
  }
}
