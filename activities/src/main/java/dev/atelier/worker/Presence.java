package dev.atelier.worker;

import dev.atelier.store.WorkerPresence;
import dev.atelier.store.WorkerPresence.Work;
import dev.atelier.store.objects.StoreUnavailableException;
import io.temporal.activity.ActivityInfo;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityInput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityOutput;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says every ten seconds that this worker is there, and what it is at. */
final class Presence extends AroundActivities implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Presence.class);
  private static final Duration EVERY = Duration.ofSeconds(10);

  private final WorkerPresence workers;
  private final WorkerPresence.Worker own;
  private final WorkProgress progress;
  private final Map<ActivityInfo, Work> doing = new ConcurrentHashMap<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "presence");
            thread.setDaemon(true);
            return thread;
          });

  Presence(WorkerPresence workers, WorkerPresence.Worker own, WorkProgress progress) {
    this.workers = workers;
    this.own = own;
    this.progress = progress;
  }

  void start() {
    var unused =
        timer.scheduleWithFixedDelay(this::report, 0, EVERY.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void report() {
    try {
      workers.report(
          own,
          doing.entrySet().stream()
              .map(
                  entry -> {
                    Work work = entry.getValue();
                    return new Work(
                        work.activity(),
                        work.experimentId(),
                        work.modelKey(),
                        work.since(),
                        progress.of(entry.getKey()));
                  })
              .sorted(Comparator.comparing(Work::since))
              .toList());
    } catch (StoreUnavailableException e) {
      LOG.debug("This worker is not shown: {}", e.getMessage());
    } catch (RuntimeException e) {
      LOG.warn("This worker is not shown.", e);
    }
  }

  @Override
  ActivityOutput around(ActivityInfo info, ActivityInput input, Attempt attempt) {
    if (!LossBound.isBounded(info)) {
      return attempt.run(); // over in a moment
    }
    Map<String, String> names = ActivityWatch.names(input.getArguments());
    doing.put(
        info,
        new Work(
            info.getActivityType(),
            Optional.ofNullable(names.get(ActivityWatch.EXPERIMENT)),
            Optional.ofNullable(names.get(ActivityWatch.MODEL)),
            Instant.now(),
            Optional.empty()));
    try {
      return attempt.run();
    } finally {
      doing.remove(info);
      progress.forget(info);
    }
  }

  /** The worker is no longer there. */
  @Override
  public void close() {
    timer.shutdownNow();
    try {
      workers.leave(own);
    } catch (RuntimeException e) {
      LOG.debug("This worker is shown for a while longer: {}", e.getMessage());
    }
  }
}
