package dev.atelier.api.temporal;

import dev.atelier.api.AtelierConfig;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.FoundBy;
import io.grpc.Context;
import io.temporal.client.UpdateOptions;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.client.WorkflowUpdateStage;
import io.temporal.client.WorkflowUpdateTimeoutOrCancelledException;
import io.temporal.failure.ApplicationFailure;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** The workflows of experiments in Temporal; throws {@link TemporalUnavailableException}. */
@ApplicationScoped
public class DistillationRuns {

  /** What became of a request to a running experiment. */
  public sealed interface Answer {

    /** The workflow does it. */
    record Accepted() implements Answer {}

    /** The workflow refuses, for a reason that is a sentence. */
    record Refused(String reason) implements Answer {}

    /** The workflow did something else before under the same idempotency key. */
    record KeyTaken() implements Answer {}

    /** There is no open workflow. */
    record NotRunning() implements Answer {}
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

  /** Those of the experiments whose workflows may be absent or closed: ask for their state. */
  public List<String> doubtful(List<String> experimentIds) {
    return runs.notListedOpen(
        DistillationWorkflow.class.getSimpleName(),
        experimentIds,
        DistillationWorkflow::workflowId);
  }

  /** Asks the workflow to stop; false: there is no open workflow. */
  public boolean cancel(String experimentId) {
    return runs.cancel(DistillationWorkflow.workflowId(experimentId));
  }

  /**
   * Asks the workflow for something.
   *
   * @param update the name of its update
   * @param request what the update takes; empty: nothing
   * @param idempotencyKey under which a repeated request has one effect and the same answer
   */
  public Answer ask(
      String experimentId,
      String update,
      Optional<Record> request,
      Optional<String> idempotencyKey) {
    Context.CancellableContext context =
        Context.current()
            .withDeadlineAfter(config.updateTimeout().toMillis(), TimeUnit.MILLISECONDS, deadlines);
    try {
      return context.call(
          () -> runs.reaching(() -> update(experimentId, update, request, idempotencyKey)));
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    } finally {
      context.cancel(null);
    }
  }

  private Answer update(
      String experimentId, String update, Optional<Record> request, Optional<String> key) {
    DistillationWorkflow.Accepted expected =
        request
            .map(r -> DistillationWorkflow.Accepted.of(update, r))
            .orElseGet(() -> DistillationWorkflow.Accepted.of(update));
    UpdateOptions<DistillationWorkflow.Accepted> options =
        UpdateOptions.newBuilder(DistillationWorkflow.Accepted.class)
            .setUpdateName(update)
            .setUpdateId(key.orElseGet(() -> UUID.randomUUID().toString()))
            .setWaitForStage(WorkflowUpdateStage.COMPLETED)
            .build();
    try {
      DistillationWorkflow.Accepted accepted =
          runs.stub(DistillationWorkflow.workflowId(experimentId))
              .startUpdate(options, request.stream().toArray())
              .getResult();
      return accepted.equals(expected) ? new Answer.Accepted() : new Answer.KeyTaken();
    } catch (WorkflowUpdateException e) {
      if (WorkflowRuns.statusOf(e).isPresent()) {
        throw e; // Temporal's answer, not the workflow's
      }
      return new Answer.Refused(
          e.getCause() instanceof ApplicationFailure failure
              ? failure.getOriginalMessage()
              : "The workflow refused the request.");
    } catch (WorkflowNotFoundException e) {
      return new Answer.NotRunning();
    } catch (WorkflowUpdateTimeoutOrCancelledException e) {
      if (WorkflowRuns.isOverload(e)) {
        throw e;
      }
      throw new TemporalUnavailableException(
          "No worker answered within %d s.".formatted(config.updateTimeout().toSeconds()), e);
    }
  }

  /** Page of the experiment's workflow in the Temporal Web UI, if there is one. */
  public Optional<URI> page(String experimentId) {
    return runs.page(DistillationWorkflow.workflowId(experimentId));
  }
}
