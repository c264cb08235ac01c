package dev.atelier.api;

import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.ErrorType;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.util.ArrayList;
import java.util.List;

/** An experiment whose student 1 has failed and waits for retry until it is canceled. */
public class WaitingDistillation implements DistillationWorkflow {

  private final Input input;
  private final List<RetryRequest> retries = new ArrayList<>();

  @WorkflowInit
  public WaitingDistillation(Input input) {
    this.input = input;
  }

  @Override
  public void run(Input sameInput) {
    Workflow.await(() -> input.spec().name().equals("ends-at-once"));
  }

  @Override
  public void retry(RetryRequest request) {
    retries.add(request);
  }

  @Override
  public void validateRetry(RetryRequest request) {
    if (!request.key().equals(ModelKey.student(1))) {
      throw ErrorType.INVALID_SPEC.failure(
          "Cannot retry %s: it has not failed.".formatted(request.key()), 0, null);
    }
  }

  @Override
  public Progress progress() {
    return new Progress(
        Stage.AWAITING_RETRY,
        retries.stream()
            .map(
                retry ->
                    new ModelProgress(
                        retry.key(),
                        retry.overrides().learningRate().isPresent()
                            ? ModelState.RUNNING
                            : ModelState.PENDING))
            .toList());
  }
}
