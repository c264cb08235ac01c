package dev.atelier.workflows;

import dev.atelier.workflows.DatasetActivities.PrepareDataset;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;

/** A mutant: the dataset before the first stage is recorded. */
public final class FetchesFirst extends WithoutRequests {

  private final DistillationWorkflow unchanged;

  @WorkflowInit
  public FetchesFirst(Input input) {
    unchanged = new DistillationWorkflowImpl(input);
  }

  @Override
  public void run(Input input) {
    Workflow.newActivityStub(DatasetActivities.class, Activities.DATASET)
        .prepare(
            new PrepareDataset(input.experimentId(), input.spec().dataset(), input.spec().reuse()));
    unchanged.run(input);
  }
}
