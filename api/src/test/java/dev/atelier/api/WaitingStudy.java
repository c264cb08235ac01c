package dev.atelier.api;

import dev.atelier.workflows.StudyStage;
import dev.atelier.workflows.StudyWorkflow;
import io.temporal.workflow.Workflow;

/** A study that never ends by itself. */
public final class WaitingStudy implements StudyWorkflow {

  @Override
  public void run(Input input) {
    Workflow.await(() -> false);
  }

  @Override
  public void memberStage(MemberStage member) {}

  @Override
  public Progress progress() {
    return new Progress(StudyStage.RUNNING, 0, 0, 0, 0);
  }
}
