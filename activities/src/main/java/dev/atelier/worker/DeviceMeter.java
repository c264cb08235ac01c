package dev.atelier.worker;

import dev.atelier.store.TurnHistory;
import dev.atelier.store.TurnHistory.DeviceKind;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.workflows.ComputeWork;
import dev.atelier.workflows.DistillationWorkflow;
import io.temporal.activity.ActivityInfo;
import io.temporal.client.ActivityCanceledException;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityInput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityOutput;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts how long this worker's device is at whose work, every half a minute, so that a lost
 * process loses no more; and gives a turn back once its work won't be tried again.
 */
final class DeviceMeter extends AroundActivities implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(DeviceMeter.class);
  private static final Duration EVERY = Duration.ofSeconds(30);

  private final TurnHistory turns;
  private final Set<String> taskQueues;
  private final DeviceKind kind;
  private final LongSupplier nanos;
  private final Set<Use> uses = ConcurrentHashMap.newKeySet();
  private final Optional<Executor> counter;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "device-meter");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * @param taskQueues whose activities need the device
   * @param nanos the time, as of {@link System#nanoTime}
   */
  DeviceMeter(TurnHistory turns, Set<String> taskQueues, DeviceKind kind, LongSupplier nanos) {
    this(turns, taskQueues, kind, nanos, Optional.empty());
  }

  /**
   * As above.
   *
   * @param counter what counts as work begins and ends; empty: the timer, as a database that is
   *     away may keep it longer than the server waits for a heartbeat
   */
  DeviceMeter(
      TurnHistory turns,
      Set<String> taskQueues,
      DeviceKind kind,
      LongSupplier nanos,
      Optional<Executor> counter) {
    this.counter = counter;
    this.turns = turns;
    this.taskQueues = Set.copyOf(taskQueues);
    this.kind = kind;
    this.nanos = nanos;
  }

  void start() {
    var unused =
        timer.scheduleWithFixedDelay(
            this::count, EVERY.toMillis(), EVERY.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** One attempt at a piece of work; guarded by itself. */
  private static final class Use {
    final String experimentId;
    final String work;
    long countedTo;
    Optional<Long> end = Optional.empty();
    boolean last;

    Use(String experimentId, String work, long start) {
      this.experimentId = experimentId;
      this.work = work;
      this.countedTo = start;
    }
  }

  @Override
  ActivityOutput around(ActivityInfo info, ActivityInput input, Attempt attempt) {
    Optional<String> experiment = DistillationWorkflow.experimentId(info.getWorkflowId());
    if (experiment.isEmpty() || !taskQueues.contains(info.getActivityTaskQueue())) {
      return attempt.run();
    }
    Use use =
        new Use(experiment.get(), ComputeWork.nameOf(input.getArguments()[0]), nanos.getAsLong());
    uses.add(use);
    soon(use);
    boolean last = false;
    try {
      ActivityOutput output = attempt.run();
      last = true;
      return output;
    } catch (RuntimeException e) {
      last = isLast(e);
      throw e;
    } finally {
      end(use, last);
    }
  }

  /** Whether Temporal won't try it again; else it keeps its turn for the next attempt. */
  private static boolean isLast(RuntimeException e) {
    return e instanceof ApplicationFailure failure
        ? failure.isNonRetryable()
        : e instanceof ActivityCanceledException;
  }

  private void end(Use use, boolean last) {
    synchronized (use) {
      use.end = Optional.of(nanos.getAsLong());
      use.last = last;
    }
    soon(use);
  }

  private void soon(Use use) {
    try {
      counter.orElse(timer).execute(() -> count(use));
    } catch (RejectedExecutionException e) {
      count(use); // it was closed before the work had ended
    }
  }

  /** Also what ended while the database was away. */
  void count() {
    uses.forEach(this::count);
  }

  private void count(Use use) {
    try {
      synchronized (use) {
        if (uses.contains(use)) {
          long now = use.end.orElseGet(nanos::getAsLong);
          turns.recordUse(use.experimentId, use.work, kind, (now - use.countedTo) / 1e9);
          use.countedTo = now;
          if (use.last) {
            turns.giveBack(use.experimentId, use.work);
          }
          if (use.end.isPresent()) {
            uses.remove(use);
          }
        }
      }
    } catch (StoreUnavailableException e) {
      LOG.debug("What the device does is counted later: {}", e.getMessage());
    } catch (RuntimeException e) {
      LOG.warn("What the device does is counted later.", e);
    }
  }

  /** Counts what is left. */
  @Override
  public void close() {
    timer.shutdownNow();
    count();
  }
}
