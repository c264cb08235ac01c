package dev.atelier.api.temporal;

import dev.atelier.api.AtelierConfig;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.TaskQueues;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowServiceException;
import io.temporal.client.WorkflowStub;
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
import java.util.function.Supplier;

/** The workflows of experiments in Temporal; throws {@link TemporalUnavailableException}. */
@ApplicationScoped
public class DistillationRuns {

  /** What Temporal knows of an experiment's workflow. */
  public enum RunState {
    ABSENT, // never started, or lost with an in-memory server
    OPEN,
    CLOSED
  }

  /** What became of a request to train a model again. */
  public sealed interface RetryAnswer {

    /** The workflow trains the model again. */
    record Accepted() implements RetryAnswer {}

    /** The workflow refuses, for a reason that is a sentence. */
    record Refused(String reason) implements RetryAnswer {}

    /** There is no open workflow. */
    record NotRunning() implements RetryAnswer {}
  }

  private final WorkflowClient client;
  private final AtelierConfig.Temporal config;
  private final ScheduledExecutorService deadlines =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "temporal-deadlines");
            thread.setDaemon(true);
            return thread;
          });

  DistillationRuns(WorkflowClient client, AtelierConfig config) {
    this.client = client;
    this.config = config.temporal();
  }

  @PreDestroy
  void stop() {
    deadlines.shutdownNow();
  }

  /** Starts an experiment's workflow; does nothing if it was ever started. */
  public void start(String experimentId, ExperimentSpec spec) {
    WorkflowStub stub =
        client.newUntypedWorkflowStub(
            DistillationWorkflow.class.getSimpleName(),
            WorkflowOptions.newBuilder()
                .setWorkflowId(DistillationWorkflow.workflowId(experimentId))
                .setTaskQueue(TaskQueues.LIGHT)
                .setWorkflowIdReusePolicy(
                    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
                .setStaticSummary(spec.name())
                .build());
    reaching(
        () -> {
          try {
            stub.start(new DistillationWorkflow.Input(experimentId, spec));
          } catch (WorkflowExecutionAlreadyStarted e) {
            return false;
          }
          return true;
        });
  }

  public RunState state(String experimentId) {
    return reaching(
        () -> {
          try {
            return switch (stub(experimentId).describe().getStatus()) {
              case WORKFLOW_EXECUTION_STATUS_COMPLETED,
                  WORKFLOW_EXECUTION_STATUS_FAILED,
                  WORKFLOW_EXECUTION_STATUS_CANCELED,
                  WORKFLOW_EXECUTION_STATUS_TERMINATED,
                  WORKFLOW_EXECUTION_STATUS_TIMED_OUT ->
                  RunState.CLOSED;
              case WORKFLOW_EXECUTION_STATUS_RUNNING,
                  WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
                  WORKFLOW_EXECUTION_STATUS_PAUSED,
                  WORKFLOW_EXECUTION_STATUS_UNSPECIFIED,
                  UNRECOGNIZED ->
                  RunState.OPEN;
            };
          } catch (WorkflowNotFoundException e) {
            return RunState.ABSENT;
          }
        });
  }

  /** Asks the workflow to stop; false: there is no open workflow. */
  public boolean cancel(String experimentId) {
    return reaching(
        () -> {
          try {
            stub(experimentId).cancel();
            return true;
          } catch (WorkflowNotFoundException e) {
            return false;
          }
        });
  }

  /** Asks the workflow to train a failed model again. */
  public RetryAnswer retry(String experimentId, DistillationWorkflow.RetryRequest request) {
    Context.CancellableContext context =
        Context.current()
            .withDeadlineAfter(config.updateTimeout().toMillis(), TimeUnit.MILLISECONDS, deadlines);
    try {
      return context.call(() -> reaching(() -> update(experimentId, request)));
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
      stub(experimentId).update("retry", Void.class, request);
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
    return config
        .ui()
        .map(
            ui ->
                URI.create(
                    "%s/namespaces/%s/workflows/%s"
                        .formatted(
                            ui.toString().replaceAll("/+$", ""),
                            config.namespace(),
                            DistillationWorkflow.workflowId(experimentId))));
  }

  private WorkflowStub stub(String experimentId) {
    return client.newUntypedWorkflowStub(DistillationWorkflow.workflowId(experimentId));
  }

  private <T> T reaching(Supplier<T> call) {
    try {
      return call.get();
    } catch (StatusRuntimeException | WorkflowServiceException e) {
      if (answered(e)) {
        throw e;
      }
      throw new TemporalUnavailableException(
          "Temporal cannot be reached at %s.".formatted(config.target()), e);
    }
  }

  /**
   * Whether the failure is the server's own answer; the SDK also fails when it runs out of time.
   */
  private static boolean answered(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof StatusRuntimeException status) {
        Status.Code code = status.getStatus().getCode();
        return code != Status.Code.UNAVAILABLE && code != Status.Code.DEADLINE_EXCEEDED;
      }
    }
    return false;
  }
}
