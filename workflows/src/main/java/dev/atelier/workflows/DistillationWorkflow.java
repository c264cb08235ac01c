package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TrainingOverrides;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * One experiment: a teacher distilled into students, evaluated and published.
 *
 * <p>Each update returns once its request is accepted; its validator refuses what makes no sense
 * now with a sentence for the user. A request that is repeated under the same update id has one
 * effect and gets the same answer.
 */
@WorkflowInterface
public interface DistillationWorkflow {

  /** The experiment to run. */
  record Input(String experimentId, ExperimentSpec spec) {}

  /** A failed or canceled model to train again, from its last good checkpoint, with changes. */
  record RetryRequest(ModelKey key, TrainingOverrides overrides) {}

  /** A model to train to more steps in all, from its last good checkpoint. */
  record ExtendRequest(ModelKey key, int steps) {}

  /** A student to train anew from step 0 with other settings. */
  record ReplaceRequest(ModelKey key, StudentReplacement replacement) {}

  /** A model that the experiment shall go on without. */
  record CancelModelRequest(ModelKey key) {}

  /**
   * The answer to an update.
   *
   * @param request what was accepted: tells a repeated request from another under the same id
   */
  record Accepted(String request) {

    public static Accepted of(String update) {
      return new Accepted(update);
    }

    public static Accepted of(String update, Record request) {
      return new Accepted(update + " " + request);
    }
  }

  /**
   * How far one model is.
   *
   * @param steps that it is to be trained to; 0: it is imported
   * @param attempts how often its work was started; repetitions after a lost worker do not count
   */
  record ModelProgress(ModelKey key, ModelState state, int steps, int attempts) {}

  /**
   * What the workflow is doing now.
   *
   * @param paused whether it starts no work until it is resumed
   * @param deadline when it stops waiting for a retry; present while it does
   */
  record Progress(
      Stage stage, List<ModelProgress> models, boolean paused, Optional<Instant> deadline) {}

  /** The Temporal workflow id of an experiment. */
  static String workflowId(String experimentId) {
    return "experiment-" + experimentId;
  }

  /** The experiment of a Temporal workflow id; empty: it is no experiment's. */
  static Optional<String> experimentId(String workflowId) {
    return workflowId.startsWith(workflowId(""))
        ? Optional.of(workflowId.substring(workflowId("").length()))
        : Optional.empty();
  }

  /** What an experiment is, in Markdown, for people who look at its workflow. */
  static String details(ExperimentSpec spec) {
    return "%d students of a teacher on `%s`, on `%s`"
        .formatted(spec.students().count(), spec.dataset().source(), spec.compute());
  }

  @WorkflowMethod(name = "DistillationWorkflow")
  void run(Input input);

  @UpdateMethod
  Accepted retry(RetryRequest request);

  @UpdateValidatorMethod(updateName = "retry")
  void validateRetry(RetryRequest request);

  @UpdateMethod
  Accepted extend(ExtendRequest request);

  @UpdateValidatorMethod(updateName = "extend")
  void validateExtend(ExtendRequest request);

  @UpdateMethod
  Accepted replace(ReplaceRequest request);

  @UpdateValidatorMethod(updateName = "replace")
  void validateReplace(ReplaceRequest request);

  @UpdateMethod
  Accepted cancelModel(CancelModelRequest request);

  @UpdateValidatorMethod(updateName = "cancelModel")
  void validateCancelModel(CancelModelRequest request);

  /** Hands back what is running after a checkpoint, and starts nothing until {@link #resume}. */
  @UpdateMethod
  Accepted pause();

  @UpdateValidatorMethod(updateName = "pause")
  void validatePause();

  @UpdateMethod
  Accepted resume();

  @UpdateValidatorMethod(updateName = "resume")
  void validateResume();

  /** Does the evaluation that is under way, or has failed, again from its beginning. */
  @UpdateMethod
  Accepted rerunEvaluation();

  @UpdateValidatorMethod(updateName = "rerunEvaluation")
  void validateRerunEvaluation();

  @QueryMethod
  Progress progress();
}
