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
import java.util.Optional;

/**
 * An experiment whose student 1 has failed and waits for retry until it is canceled. It does what
 * is asked of student 1, and refuses what is asked of others.
 */
public class WaitingDistillation implements DistillationWorkflow {

  private final Input input;
  private final List<ModelProgress> requests = new ArrayList<>(); // steps: 0 where none are named
  private boolean paused;

  @WorkflowInit
  public WaitingDistillation(Input input) {
    this.input = input;
  }

  @Override
  public void run(Input sameInput) {
    Workflow.await(() -> input.spec().name().equals("ends-at-once"));
  }

  @Override
  public Accepted retry(RetryRequest request) {
    boolean changed = request.overrides().learningRate().isPresent();
    done(request.key(), changed ? ModelState.RUNNING : ModelState.PENDING, 0);
    return Accepted.of("retry", request);
  }

  @Override
  public void validateRetry(RetryRequest request) {
    requireFailed("retry", request.key());
  }

  @Override
  public Accepted extend(ExtendRequest request) {
    done(request.key(), ModelState.PENDING, request.steps());
    return Accepted.of("extend", request);
  }

  @Override
  public void validateExtend(ExtendRequest request) {
    requireFailed("extend", request.key());
  }

  @Override
  public Accepted replace(ReplaceRequest request) {
    int steps = request.replacement().training().steps().orElse(0);
    done(request.key(), ModelState.PENDING, steps);
    return Accepted.of("replace", request);
  }

  @Override
  public void validateReplace(ReplaceRequest request) {
    requireFailed("replace", request.key());
  }

  @Override
  public Accepted cancelModel(CancelModelRequest request) {
    done(request.key(), ModelState.CANCELED, 0);
    return Accepted.of("cancelModel", request);
  }

  @Override
  public void validateCancelModel(CancelModelRequest request) {
    requireFailed("cancel", request.key());
  }

  @Override
  public Accepted pause() {
    paused = true;
    return Accepted.of("pause");
  }

  @Override
  public void validatePause() {
    if (paused) {
      throw refused("Cannot pause the experiment: it is paused.");
    }
  }

  @Override
  public Accepted resume() {
    paused = false;
    return Accepted.of("resume");
  }

  @Override
  public void validateResume() {
    if (!paused) {
      throw refused("Cannot resume the experiment: it is not paused.");
    }
  }

  @Override
  public Accepted rerunEvaluation() {
    return Accepted.of("rerunEvaluation");
  }

  @Override
  public void validateRerunEvaluation() {
    if (!input.spec().name().equals("evaluated")) {
      throw refused("Cannot evaluate again: nothing has been evaluated.");
    }
  }

  @Override
  public Progress progress() {
    return new Progress(Stage.AWAITING_RETRY, requests, paused, Optional.empty());
  }

  private void done(ModelKey key, ModelState state, int steps) {
    requests.add(new ModelProgress(key, state, steps, requests.size()));
  }

  /** The student's training has failed, or, where the name of the spec says so, the teacher's. */
  private void requireFailed(String verb, ModelKey key) {
    ModelKey failed =
        input.spec().name().equals("teacher-failed") ? ModelKey.TEACHER : ModelKey.student(1);
    if (!key.equals(failed)) {
      throw refused("Cannot %s %s: it has not failed.".formatted(verb, key));
    }
  }

  private static RuntimeException refused(String sentence) {
    return ErrorType.INVALID_SPEC.failure(sentence, 0);
  }
}
