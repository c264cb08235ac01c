package dev.atelier.worker;

import dev.atelier.network.libtorch.NativeCalls;
import io.temporal.activity.ActivityInfo;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityInput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityOutput;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notices what will never end by itself: a native call that does not return, and threads that wait
 * for each other. Time is counted in checks of its own, one each second, so that a process that was
 * stopped, or got no processor, is not taken for one that hangs.
 */
final class LivenessWatch extends AroundActivities {

  /** How many times as long as the slowest one before it a call may take. */
  static final int TIMES_THE_SLOWEST = 20;

  private static final Logger LOG = LoggerFactory.getLogger(LivenessWatch.class);
  private static final Duration CHECK = Duration.ofSeconds(1);
  private static final int DEADLOCKED_CHECKS = 10; // threads that wait with a time-out may go on

  /**
   * What has come to a halt for good.
   *
   * @param sentence says what
   * @param attempt the one that waits for it; empty: none, or nobody knows which
   */
  record Standstill(String sentence, Optional<Running> attempt) {}

  /** An attempt at an activity, and what its task names. */
  record Running(ActivityInfo info, Map<String, String> names) {}

  /** What becomes of the process. */
  interface End {
    /** Does not return, but in tests. */
    void of(Standstill standstill);
  }

  private final long firstCall; // checks
  private final long laterCall;
  private final End end;
  private final Map<Thread, Running> attempts = new ConcurrentHashMap<>();
  private int deadlocked; // checks in a row
  private volatile Optional<Standstill> found = Optional.empty();

  /**
   * Begins with {@link #start}.
   *
   * @param firstCall how long the first call of its kind may take
   * @param laterCall how long others may take, at least
   */
  LivenessWatch(Duration firstCall, Duration laterCall, End end) {
    this.firstCall = checks(firstCall);
    this.laterCall = checks(laterCall);
    this.end = end;
  }

  private static long checks(Duration timeout) {
    return Math.max(1, timeout.dividedBy(CHECK));
  }

  /** Checks from now on, for as long as the process lives. */
  void start() {
    Thread thread = new Thread(this::checkForEver, "liveness");
    thread.setDaemon(true);
    thread.start();
  }

  private void checkForEver() {
    try {
      while (true) {
        Thread.sleep(CHECK.toMillis()); // not at a fixed rate: what was missed is not made up for
        check();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException | Error e) {
      LOG.error("Nobody notices any more whether this worker hangs.", e);
    }
  }

  @Override
  ActivityOutput around(ActivityInfo info, ActivityInput input, Attempt attempt) {
    Thread thread = Thread.currentThread();
    attempts.put(thread, new Running(info, ActivityWatch.names(input.getArguments())));
    try {
      return attempt.run();
    } finally {
      attempts.remove(thread);
    }
  }

  /** One check, a second after the one before it. */
  void check() {
    if (found.isPresent()) {
      return; // the process is ending
    }
    Optional<Standstill> calls =
        NativeCalls.check().stream().filter(this::isStalled).findFirst().map(this::standstill);
    Optional<String> threads = deadlock();
    deadlocked = threads.isPresent() ? deadlocked + 1 : 0;
    found =
        calls.or(
            () ->
                threads
                    .filter(names -> deadlocked >= DEADLOCKED_CHECKS)
                    .map(names -> new Standstill(names, Optional.empty())));
    found.ifPresent(end::of);
  }

  private boolean isStalled(NativeCalls.Call call) {
    return call.checks() > limit(call);
  }

  private long limit(NativeCalls.Call call) {
    return call.slowest().isEmpty()
        ? firstCall
        : Math.max(laterCall, (long) TIMES_THE_SLOWEST * call.slowest().getAsInt());
  }

  private Standstill standstill(NativeCalls.Call call) {
    Optional<Running> attempt = Optional.ofNullable(attempts.get(call.thread()));
    String limit =
        call.slowest().isEmpty()
            ? "expected at most %d s of a first call (atelier.worker.first-call-timeout)"
                .formatted(firstCall)
            : "expected at most %d s, as the slowest one before it took %d s (atelier.worker.call-timeout)"
                .formatted(limit(call), call.slowest().getAsInt());
    return new Standstill(
        "%s stands still: the native call '%s' has not returned for %d s; %s."
            .formatted(
                attempt.map(a -> a.info().getActivityType()).orElse("Thread " + call.thread()),
                call.method(),
                call.checks(),
                limit),
        attempt);
  }

  /** Why the process is not live; empty: it is. */
  Optional<String> notLive() {
    return found.map(Standstill::sentence).or(LivenessWatch::deadlock);
  }

  /** The threads that wait for each other, if any do. */
  private static Optional<String> deadlock() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long[] stuck = threads.findDeadlockedThreads();
    if (stuck == null) {
      return Optional.empty();
    }
    return Optional.of(
        Arrays.stream(threads.getThreadInfo(stuck))
            .filter(Objects::nonNull)
            .map(ThreadInfo::getThreadName)
            .collect(Collectors.joining(", ", "deadlock of threads ", "")));
  }
}
