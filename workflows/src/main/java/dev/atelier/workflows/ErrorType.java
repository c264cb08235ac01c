package dev.atelier.workflows;

import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;

/** Why work failed: the only source of failure types. */
public enum ErrorType {
  INVALID_SPEC(1),
  DATASET_UNREACHABLE(1),
  DATASET_CORRUPT(1),
  EXTRACTOR_INVALID(1),
  TEACHER_INVALID(1),
  CHECKPOINT_CORRUPT(1),
  DIVERGED(1),
  SUPERSEDED(1), // a newer attempt owns the work; this one must change nothing
  INCOMPLETE(1), // what failed was not tried again in time
  WORKER_KILLED(1), // several times in a row by this work, on machines that lived on
  WEBHOOK_REFUSED(1), // the receiver is gone, or may not be reached
  OUT_OF_MEMORY(1), // never again unchanged
  INTERNAL(3),
  DONE_ELSEWHERE(Integer.MAX_VALUE), // another experiment is at the same work: wait for it
  AWAITS_TURN(Integer.MAX_VALUE), // the project's bounds leave no room: wait for it
  STORE_UNAVAILABLE(Integer.MAX_VALUE),
  DISK_FULL(Integer.MAX_VALUE), // of the worker: another one may have room, or this one later
  WORKER_LOST(Integer.MAX_VALUE),
  STALLED(Integer.MAX_VALUE), // a native call did not return, and its worker was replaced
  RECEIVER_BUSY(Integer.MAX_VALUE), // as many messages as it may be sent at once are on their way
  WEBHOOK_UNDELIVERED(Integer.MAX_VALUE); // within the time that the workflow gives

  private final int maxAttempts;

  ErrorType(int maxAttempts) {
    this.maxAttempts = maxAttempts;
  }

  /**
   * The Temporal failure of this type, without a cause: the server keeps 4 KB of what an attempt
   * failed with, and replaces what is longer.
   *
   * @param message a sentence for the user
   * @param attempt the attempt that failed, from 1; the failure is retried while attempts are left
   */
  public ApplicationFailure failure(String message, int attempt) {
    return attempt < maxAttempts
        ? ApplicationFailure.newFailure(message, name())
        : ApplicationFailure.newNonRetryableFailure(message, name());
  }

  /**
   * The Temporal failure of this type for something that is no fault: it is tried again after
   * {@code delay} for as long as it takes, and no log warns of it.
   */
  public ApplicationFailure retriedAfter(Duration delay, String message) {
    return ApplicationFailure.newBuilder()
        .setMessage(message)
        .setType(name())
        .setNextRetryDelay(delay)
        .setCategory(ApplicationErrorCategory.BENIGN)
        .build();
  }
}
