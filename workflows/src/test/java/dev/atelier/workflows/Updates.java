package dev.atelier.workflows;

import io.temporal.client.UpdateOptions;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateStage;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** Asks workflows on the server in memory for updates. */
final class Updates {

  private static final long NUDGE_AFTER_SECONDS = 5;
  private static final int MOST_NUDGES = 8;

  private Updates() {}

  /** Sends an update and waits for its answer. */
  static <R> R ask(WorkflowStub workflow, String update, Class<R> answer, Object... request) {
    return ask(workflow, UUID.randomUUID().toString(), update, answer, request);
  }

  /**
   * Sends an update with an id of its own and waits for its answer. The server in memory forgets
   * one that comes in the moment in which a workflow task ends, until there is another task or for
   * ever: a signal, which the workflow does not know, makes a task, and the update is sent again
   * under its id, by which a server that has it knows it.
   *
   * @throws AssertionError with what the server says of the workflow, if that doesn't help
   */
  static <R> R ask(
      WorkflowStub workflow, String id, String update, Class<R> answer, Object... request) {
    UpdateOptions<R> options =
        UpdateOptions.newBuilder(answer)
            .setUpdateName(update)
            .setUpdateId(id)
            .setWaitForStage(WorkflowUpdateStage.COMPLETED)
            .build();
    for (int nudges = 0; nudges < MOST_NUDGES; nudges++) {
      CompletableFuture<R> sent =
          CompletableFuture.supplyAsync(() -> workflow.startUpdate(options, request).getResult());
      try {
        return sent.get(NUDGE_AFTER_SECONDS, TimeUnit.SECONDS);
      } catch (TimeoutException e) {
        nudge(workflow);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof RuntimeException failure) {
          throw failure;
        }
        throw new IllegalStateException(e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
    }
    throw unanswered(workflow);
  }

  /**
   * Waits for what comes of a cancellation, which the server may have forgotten likewise. Unlike
   * {@link #awaitEnd}, it lets no time be skipped meanwhile: activities hear of it by heartbeats.
   */
  static void awaitOutcome(WorkflowStub workflow, BooleanSupplier outcome) {
    for (int waits = 1; !outcome.getAsBoolean(); waits++) {
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException(e);
      }
      if (waits % 250 == 0) { // 5 s
        nudge(workflow);
      }
    }
  }

  /** Waits for the end of a workflow, whose cancellation the server may have forgotten likewise. */
  static void awaitEnd(WorkflowStub workflow) {
    for (int nudges = 0; nudges < MOST_NUDGES; nudges++) {
      try {
        workflow.getResult(NUDGE_AFTER_SECONDS, TimeUnit.SECONDS, Void.class);
        return;
      } catch (TimeoutException e) {
        nudge(workflow);
      }
    }
    throw unanswered(workflow);
  }

  private static AssertionError unanswered(WorkflowStub workflow) {
    return new AssertionError(
        "No answer after %d nudges of %s"
            .formatted(MOST_NUDGES, workflow.describe().getRawDescription()));
  }

  private static void nudge(WorkflowStub workflow) {
    try {
      workflow.signal("nudge");
    } catch (WorkflowException e) {
      // It has ended: the update answers that.
    }
  }
}
