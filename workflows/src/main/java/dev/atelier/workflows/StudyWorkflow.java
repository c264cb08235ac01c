package dev.atelier.workflows;

import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.util.List;

/** Runs the experiments of a study, a few at once, and reports on them. */
@WorkflowInterface
public interface StudyWorkflow {

  /**
   * The study to run.
   *
   * @param atOnce experiments that run at once, at most
   * @param awaitRetryHours how long experiments that wait for a retry are waited for, in the end
   * @param experimentIds in the order in which they start; their specs are in the database
   */
  record Input(String studyId, int atOnce, int awaitRetryHours, List<String> experimentIds) {}

  /** An experiment tells its study where it stands. */
  record MemberStage(String experimentId, Stage stage) {}

  /** How far the study is. */
  record Progress(StudyStage stage, int queued, int running, int awaitingRetry, int ended) {}

  /** The Temporal workflow id of a study. */
  static String workflowId(String studyId) {
    return "study-" + studyId;
  }

  @WorkflowMethod(name = "StudyWorkflow")
  void run(Input input);

  @SignalMethod
  void memberStage(MemberStage member);

  @QueryMethod
  Progress progress();
}
