package dev.atelier.workflows;

import dev.atelier.workflows.StudyActivities.ReportStudy;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;

/** A mutant: the report before the first experiment. */
public final class ReportsFirst implements StudyWorkflow {

  private final StudyWorkflow unchanged;

  @WorkflowInit
  public ReportsFirst(Input input) {
    unchanged = new StudyWorkflowImpl(input);
  }

  @Override
  public void run(Input input) {
    Workflow.newActivityStub(StudyActivities.class, Activities.REPORT)
        .reportStudy(new ReportStudy(input.studyId()));
    unchanged.run(input);
  }

  @Override
  public void memberStage(MemberStage member) {
    unchanged.memberStage(member);
  }

  @Override
  public Progress progress() {
    return unchanged.progress();
  }
}
