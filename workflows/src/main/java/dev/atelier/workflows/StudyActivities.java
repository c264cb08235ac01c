package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.Optional;

/** Keeps a study's row in step with its workflow, and writes its report. */
@ActivityInterface
public interface StudyActivities {

  /** An experiment of a study. */
  record Member(String studyId, String experimentId) {}

  /**
   * What a member is to run.
   *
   * @param spec absent: it has ended before it began, canceled by a user
   */
  record MemberSpec(Optional<ExperimentSpec> spec) {}

  /** The stage that a study entered; the error's fields are empty unless it failed. */
  record RecordStudyStage(String studyId, StudyStage stage, String errorMessage) {}

  /** A study whose experiments have ended. */
  record ReportStudy(String studyId) {}

  @ActivityMethod(name = "MemberSpec")
  MemberSpec memberSpec(Member member);

  /** Also cancels the experiments that have not begun when the study ends as canceled. */
  @ActivityMethod(name = "RecordStudyStage")
  void recordStudyStage(RecordStudyStage stage);

  @ActivityMethod(name = "ReportStudy")
  void reportStudy(ReportStudy study);
}
