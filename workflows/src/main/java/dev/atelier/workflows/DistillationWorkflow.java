package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.TrainingOverrides;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.util.List;

/** One experiment: a teacher distilled into students, evaluated and published. */
@WorkflowInterface
public interface DistillationWorkflow {

  /** The experiment to run. */
  record Input(String experimentId, ExperimentSpec spec) {}

  /** A failed model to train again, from its last good checkpoint, with some settings changed. */
  record RetryRequest(ModelKey key, TrainingOverrides overrides) {}

  /** The state of one model. */
  record ModelProgress(ModelKey key, ModelState state) {}

  /** What the workflow is doing now. */
  record Progress(Stage stage, List<ModelProgress> models) {}

  /** The Temporal workflow id of an experiment. */
  static String workflowId(String experimentId) {
    return "experiment-" + experimentId;
  }

  /** What an experiment is, in Markdown, for people who look at its workflow. */
  static String details(ExperimentSpec spec) {
    return "%d students of a teacher on `%s`, on `%s`"
        .formatted(spec.students().count(), spec.dataset().source(), spec.compute());
  }

  @WorkflowMethod(name = "DistillationWorkflow")
  void run(Input input);

  /** Trains a failed model again; returns once the retry is accepted. */
  @UpdateMethod
  void retry(RetryRequest request);

  /** Refuses a retry of a model that does not exist or has not failed. */
  @UpdateValidatorMethod(updateName = "retry")
  void validateRetry(RetryRequest request);

  @QueryMethod
  Progress progress();
}
