package dev.atelier.workflows;

import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;

/** Type and sentence of a failure, for the history. */
record Failure(String type, String message) {

  static final Failure NONE = new Failure("", "");

  static Failure of(Throwable failure) {
    Throwable cause = failure instanceof ActivityFailure ? failure.getCause() : failure;
    if (cause instanceof ApplicationFailure application) {
      return new Failure(application.getType(), application.getOriginalMessage());
    }
    return new Failure(
        ErrorType.WORKER_LOST.name(), "The work timed out or was lost: " + cause.getMessage());
  }

  /** Whether the work was canceled rather than failed. */
  static boolean isCancellation(Throwable failure) {
    return failure instanceof CanceledFailure
        || (failure instanceof ActivityFailure && failure.getCause() instanceof CanceledFailure);
  }
}
