package dev.atelier.workflows;

import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.activity.LocalActivityOptions;
import io.temporal.common.Priority;
import io.temporal.common.RetryOptions;
import java.time.Duration;

/** The options of each kind of work. */
final class Activities {

  // Failures say themselves whether they can be retried (ErrorType), so only the pauses are set.
  private static final RetryOptions PATIENT =
      RetryOptions.newBuilder()
          .setInitialInterval(Duration.ofSeconds(1))
          .setBackoffCoefficient(2)
          .setMaximumInterval(Duration.ofMinutes(1))
          .build();

  /** A few rows in Postgres. */
  static final ActivityOptions DATABASE =
      ActivityOptions.newBuilder()
          .setTaskQueue(TaskQueues.LIGHT)
          .setStartToCloseTimeout(Duration.ofSeconds(30)) // bounds one transaction
          .setRetryOptions(PATIENT)
          .build();

  /** Finding an equal model; while one is being trained elsewhere it is tried again, unhurried. */
  static final ActivityOptions REUSE =
      ActivityOptions.newBuilder()
          .setTaskQueue(TaskQueues.FILES)
          .setStartToCloseTimeout(Duration.ofMinutes(2)) // bounds reading one manifest
          .setRetryOptions(PATIENT)
          .build();

  /**
   * The same, asked once and at once by the worker that runs the workflow: one event in place of
   * three, and none for the argument. Whatever fails is asked again with {@link #REUSE}.
   */
  static final LocalActivityOptions REUSE_AT_ONCE =
      LocalActivityOptions.newBuilder()
          .setStartToCloseTimeout(Duration.ofMinutes(2)) // bounds reading one manifest
          .setRetryOptions(RetryOptions.newBuilder().setMaximumAttempts(1).build())
          .setDoNotIncludeArgumentsIntoMarker(true)
          .build();

  /** Small objects. */
  static final ActivityOptions STORE =
      ActivityOptions.newBuilder()
          .setTaskQueue(TaskQueues.FILES)
          .setStartToCloseTimeout(Duration.ofMinutes(5)) // bounds listing and deleting many objects
          .setRetryOptions(PATIENT)
          .build();

  /** Gathering the figures of a study and writing its report. */
  static final ActivityOptions REPORT =
      ActivityOptions.newBuilder()
          .setTaskQueue(TaskQueues.REPORTS)
          .setStartToCloseTimeout(Duration.ofMinutes(30)) // bounds the plots of a large study
          .setRetryOptions(PATIENT)
          .build();

  /** Fetching and decoding a dataset. */
  static final ActivityOptions DATASET =
      ActivityOptions.newBuilder()
          .setTaskQueue(TaskQueues.DATA)
          .setStartToCloseTimeout(Duration.ofHours(12)) // bounds a slow download of a large archive
          .setHeartbeatTimeout(Duration.ofSeconds(20)) // bounds how long a lost worker goes unseen
          .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
          .setRetryOptions(PATIENT)
          .build();

  /** Drawing a dataset, which nobody's server is asked for. */
  static final ActivityOptions DRAWN_DATASET =
      ActivityOptions.newBuilder(DATASET).setTaskQueue(TaskQueues.FILES).build();

  /** A message to somebody else's server; what fails says itself when it is tried again. */
  static final ActivityOptions WEBHOOK =
      ActivityOptions.newBuilder()
          .setTaskQueue(TaskQueues.MESSAGES)
          .setStartToCloseTimeout(Duration.ofMinutes(2)) // bounds a request (20 s) or a mail
          .setScheduleToCloseTimeout(Duration.ofHours(24)) // bounds all attempts
          .setRetryOptions(PATIENT)
          .build();

  private Activities() {}

  /** Waiting for the room that a project's bounds leave; tried again, unhurried. */
  static ActivityOptions turn(String summary) {
    return ActivityOptions.newBuilder(REUSE).setSummary(summary).build();
  }

  /**
   * Training, sampling and evaluation on {@code deviceClass}; {@code summary} shows in the UI, and
   * {@code priority} says whose turn it is.
   */
  static ActivityOptions compute(String deviceClass, String summary, Priority priority) {
    return ActivityOptions.newBuilder()
        .setTaskQueue(TaskQueues.compute(deviceClass))
        .setPriority(priority)
        .setStartToCloseTimeout(Duration.ofDays(60)) // bounds the longest training
        .setHeartbeatTimeout(Duration.ofSeconds(20)) // bounds how long a lost worker goes unseen
        .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
        .setRetryOptions(PATIENT)
        .setSummary(summary)
        .build();
  }
}
