package dev.atelier.workflows;

import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.Functions.Proc;
import io.temporal.workflow.Workflow;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * Writes what a workflow decides, one entry after the other in the order in which they were made,
 * also while the workflow is canceled. Those who make entries need not wait.
 */
final class Journal {

  private final Deque<Proc> entries = new ArrayDeque<>();
  private Optional<TemporalFailure> failure = Optional.empty();

  /** Begins to write; to be called by the workflow's method. */
  void open() {
    Workflow.newDetachedCancellationScope(() -> Async.procedure(this::write)).run();
  }

  void add(Proc entry) {
    entries.add(entry);
  }

  /** Returns once everything is written; throws the failure of an entry that could not be. */
  void flush() {
    Workflow.newDetachedCancellationScope(() -> Workflow.await(entries::isEmpty)).run();
    if (failure.isPresent()) {
      TemporalFailure thrown = failure.get();
      failure = Optional.empty();
      throw thrown;
    }
  }

  private void write() {
    while (true) {
      Workflow.await(() -> !entries.isEmpty());
      try {
        entries.peek().apply();
      } catch (TemporalFailure e) {
        failure = Optional.of(e);
      }
      entries.remove();
    }
  }
}
