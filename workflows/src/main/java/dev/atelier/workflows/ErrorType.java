package dev.atelier.workflows;

import io.temporal.failure.ApplicationFailure;

/** Why work failed: the only source of failure types. */
public enum ErrorType {
  INVALID_SPEC(false),
  DATASET_CORRUPT(false),
  DATASET_UNREACHABLE(false),
  EXTRACTOR_INVALID(false),
  CHECKPOINT_CORRUPT(false),
  DIVERGED(false),
  SUPERSEDED(false), // a newer attempt owns the work; this one must change nothing
  STORE_UNAVAILABLE(true),
  WORKER_LOST(true),
  OUT_OF_MEMORY(true),
  INTERNAL(true);

  private final boolean retryable;

  ErrorType(boolean retryable) {
    this.retryable = retryable;
  }

  public boolean retryable() {
    return retryable;
  }

  /** A Temporal failure of this type; {@code message} is a sentence for the user. */
  public ApplicationFailure failure(String message, Throwable cause) {
    return retryable
        ? ApplicationFailure.newFailureWithCause(message, name(), cause)
        : ApplicationFailure.newNonRetryableFailureWithCause(message, name(), cause);
  }
}
