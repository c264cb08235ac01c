package dev.atelier.api.temporal;

import dev.atelier.api.AtelierConfig;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.FoundBy;
import io.grpc.Context;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.client.WorkflowUpdateTimeoutOrCancelledException;
import io.temporal.failure.ApplicationFailure;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** The workflows of experiments in Temporal; throws {@link TemporalUnavailableException}. */
@ApplicationScoped
public class DistillationRuns {

  /** What became of a request to train a model again. */
  public sealed interface RetryAnswer {

    /** The workflow trains the model again. */
    record Accepted() implements RetryAnswer {}

    /** The workflow refuses, for a reason that is a sentence. */
    record Refused(String reason) implements RetryAnswer {}

    /** There is no open workflow. */
    record NotRunning() implements RetryAnswer {}
  }

  private final WorkflowRuns runs;
  private final AtelierConfig.Temporal config;
  private final ScheduledExecutorService deadlines =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "temporal-deadlines");
            thread.setDaemon(true);
            return thread;
          });

  DistillationRuns(WorkflowRuns runs, AtelierConfig config) {
    this.runs = runs;
    this.config = config.temporal();
  }

  @PreDestroy
  void stop() {
    deadlines.shutdownNow();
  }

  /** Starts an experiment's workflow; does nothing if it was ever started. */
  public void start(String experimentId, ExperimentSpec spec) {
    runs.start(
        new WorkflowRuns.Start(
            DistillationWorkflow.class.getSimpleName(),
            DistillationWorkflow.workflowId(experimentId),
            spec.name(),
            DistillationWorkflow.details(spec),
            FoundBy.of(spec, Optional.empty()),
            new DistillationWorkflow.Input(experimentId, spec)));
  }

  public RunState state(String experimentId) {
    return runs.state(DistillationWorkflow.workflowId(experimentId));
  }

  /** Asks the workflow to stop; false: there is no open workflow. */
  public boolean cancel(String experimentId) {
    return runs.cancel(DistillationWorkflow.workflowId(experimentId));
  }

  /** Asks the workflow to train a failed model again. */
  public RetryAnswer retry(String experimentId, DistillationWorkflow.RetryRequest request) {
    Context.CancellableContext context =
        Context.current()
            .withDeadlineAfter(config.updateTimeout().toMillis(), TimeUnit.MILLISECONDS, deadlines);
    try {
      return context.call(() -> runs.reaching(() -> update(experimentId, request)));
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    } finally {
      context.cancel(null);
    }
  }

  private RetryAnswer update(String experimentId, DistillationWorkflow.RetryRequest request) {
    try {
      runs.stub(DistillationWorkflow.workflowId(experimentId)).update("retry", Void.class, request);
      return new RetryAnswer.Accepted();
    } catch (WorkflowUpdateException e) {
      return new RetryAnswer.Refused(
          e.getCause() instanceof ApplicationFailure failure
              ? failure.getOriginalMessage()
              : "The workflow refused the retry.");
    } catch (WorkflowNotFoundException e) {
      return new RetryAnswer.NotRunning();
    } catch (WorkflowUpdateTimeoutOrCancelledException e) {
      throw new TemporalUnavailableException(
          "No worker answered within %d s.".formatted(config.updateTimeout().toSeconds()), e);
    }
  }

  /** Page of the experiment's workflow in the Temporal Web UI, if there is one. */
  public Optional<URI> page(String experimentId) {
    return runs.page(DistillationWorkflow.workflowId(experimentId));
  }
}
