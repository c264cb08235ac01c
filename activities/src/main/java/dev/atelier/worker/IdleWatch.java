package dev.atelier.worker;

import io.temporal.activity.ActivityInfo;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityInput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityOutput;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Set;

/**
 * Tells when a worker has had nothing to compute for a while. A process that ends itself then needs
 * no autoscaler to choose one to end, which could choose a busy one.
 */
final class IdleWatch extends AroundActivities {

  private final Set<String> taskQueues;
  private final InstantSource clock;
  private int running;
  private Instant idleSince;

  /**
   * @param taskQueues whose activities count as work
   */
  IdleWatch(Set<String> taskQueues, InstantSource clock) {
    this.taskQueues = Set.copyOf(taskQueues);
    this.clock = clock;
    this.idleSince = clock.instant();
  }

  /** Whether no activity has run for at least {@code patience}. */
  synchronized boolean idleFor(Duration patience) {
    return running == 0 && !clock.instant().isBefore(idleSince.plus(patience));
  }

  @Override
  ActivityOutput around(ActivityInfo info, ActivityInput input, Attempt attempt) {
    if (!taskQueues.contains(info.getActivityTaskQueue())) {
      return attempt.run();
    }
    begin();
    try {
      return attempt.run();
    } finally {
      end();
    }
  }

  private synchronized void begin() {
    running++;
  }

  private synchronized void end() {
    running--;
    idleSince = clock.instant();
  }
}
