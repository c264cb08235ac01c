package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import java.util.Optional;

/** The activities of a study whose experiments all have one spec; they only sleep. */
record SleepingStudies(ExperimentSpec spec) implements StudyActivities {

  @Override
  public MemberSpec memberSpec(Member member) {
    SleepingActivities.sleep();
    return new MemberSpec(Optional.of(spec));
  }

  @Override
  public void recordStudyStage(RecordStudyStage stage) {
    SleepingActivities.sleep();
  }

  @Override
  public void reportStudy(ReportStudy study) {
    SleepingActivities.sleep();
  }
}
