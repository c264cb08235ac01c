package dev.atelier.worker;

import dev.atelier.work.Doing;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.ActivityWorkerShutdownException;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/**
 * Tells Temporal that an activity lives, on a timer of its own, so that a long native call is not
 * taken for a lost worker; and learns that way that the activity is canceled.
 */
final class Heartbeat implements AutoCloseable {

  static final long INTERVAL_SECONDS = 3;

  private final AtomicReference<ActivityCompletionException> ended = new AtomicReference<>();
  private final AtomicReference<Supplier<Doing>> details =
      new AtomicReference<>(() -> Doing.of("starting"));
  private final ScheduledExecutorService timer;

  /** Beats from now until closed. */
  Heartbeat(ActivityExecutionContext context) {
    timer =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "heartbeat");
              thread.setDaemon(true);
              return thread;
            });
    var unused =
        timer.scheduleAtFixedRate(() -> beat(context), 0, INTERVAL_SECONDS, TimeUnit.SECONDS);
  }

  /** What the beats say, for people who look at the activity in the Temporal Web UI. */
  void describe(Supplier<Doing> newDetails) {
    details.set(newDetails);
  }

  private void beat(ActivityExecutionContext context) {
    try {
      context.heartbeat(details.get().get().toString());
    } catch (ActivityCompletionException e) {
      ended.compareAndSet(null, e);
    }
  }

  /** Why the activity shall stop: it was canceled, or Temporal no longer knows it. */
  Optional<ActivityCompletionException> ended() {
    return Optional.ofNullable(ended.get());
  }

  /**
   * Throws {@link #ended}, so that Temporal learns that a canceled activity has stopped.
   *
   * @throws DrainedException if the worker is ending
   */
  void throwIfEnded() {
    ActivityCompletionException end = ended.get();
    if (end instanceof ActivityWorkerShutdownException) {
      throw new DrainedException();
    }
    if (end != null) {
      throw end;
    }
  }

  @Override
  public void close() {
    timer.shutdown(); // no more beats; one that is on its way isn't interrupted
  }
}
