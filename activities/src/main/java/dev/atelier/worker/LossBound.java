package dev.atelier.worker;

import dev.atelier.artifacts.RunningWork;
import dev.atelier.store.KilledWorkers;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.workflows.ErrorType;
import io.temporal.activity.ActivityInfo;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityInput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityOutput;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends work that has ended the process of its worker several times in a row without coming further,
 * such as with a file that kills whoever opens it: others work in that process too.
 */
final class LossBound extends AroundActivities {

  /** Processes that one piece of work may end in a row. */
  static final int MOST = 3;

  private static final Logger LOG = LoggerFactory.getLogger(LossBound.class);

  private final KilledWorkers killed;
  private final RunningWork running;

  LossBound(KilledWorkers killed, RunningWork running) {
    this.killed = killed;
    this.running = running;
  }

  @Override
  ActivityOutput around(ActivityInfo info, ActivityInput input, Attempt attempt) {
    if (!isBounded(info)) {
      return attempt.run();
    }
    String activity = nameOf(info);
    boolean again = info.getAttempt() > 1;
    if (again) {
      require(info, activity);
    }
    Map<String, String> names = ActivityWatch.names(input.getArguments());
    running.begin(
        activity,
        Optional.ofNullable(names.get(ActivityWatch.EXPERIMENT)),
        Optional.ofNullable(names.get(ActivityWatch.MODEL)));
    try {
      return attempt.run();
    } finally {
      running.end(activity);
      if (again) {
        forget(activity);
      }
    }
  }

  /** Not where work is about rows and small objects, and nothing of a user's. */
  static boolean isBounded(ActivityInfo info) {
    return !info.isLocal() && !info.getHeartbeatTimeout().isZero();
  }

  /** The name of an activity for all of its attempts. */
  static String nameOf(ActivityInfo info) {
    return info.getWorkflowId() + "/" + info.getActivityId();
  }

  private void require(ActivityInfo info, String activity) {
    int inARow;
    try {
      inARow = killed.inARow(activity);
    } catch (StoreUnavailableException e) {
      throw ErrorType.STORE_UNAVAILABLE.failure(e.getMessage(), info.getAttempt());
    }
    if (inARow >= MOST) {
      forget(activity); // who asks for it again has as many
      throw ErrorType.WORKER_KILLED.failure(
          "%s ended the process of its worker %d times in a row without coming further, most likely because of memory, of a file that it reads, or of a native call that does not return; it is not tried again. The worker's log has its last words."
              .formatted(info.getActivityType(), inARow),
          info.getAttempt());
    }
  }

  private void forget(String activity) {
    try {
      killed.forget(activity);
    } catch (StoreUnavailableException e) {
      LOG.warn("Killed workers stay counted: {}", e.getMessage());
    }
  }
}
