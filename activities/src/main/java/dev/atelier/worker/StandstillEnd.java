package dev.atelier.worker;

import dev.atelier.artifacts.RunningWork;
import dev.atelier.store.KilledWorkers;
import dev.atelier.workflows.ErrorType;
import io.temporal.activity.ActivityInfo;
import io.temporal.client.ActivityCompletionClient;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends a process in which something stands still, since no thread of Java can end a native call:
 * the attempt is counted as one that ended its worker and given back, and whatever runs the process
 * starts another one. What cannot be said in time is found out without it: by the note on the disk,
 * and by heartbeats that stop.
 */
final class StandstillEnd implements LivenessWatch.End {

  private static final Logger LOG = LoggerFactory.getLogger(StandstillEnd.class);
  private static final Duration PATIENCE = Duration.ofSeconds(20); // with each server

  private final RunningWork running;
  private final KilledWorkers killed;
  private final ActivityCompletionClient attempts;
  private final Runnable halt;
  private final ExecutorService thread =
      Executors.newCachedThreadPool(
          task -> {
            Thread daemon = new Thread(task, "standstill");
            daemon.setDaemon(true);
            return daemon;
          });

  StandstillEnd(
      RunningWork running, KilledWorkers killed, ActivityCompletionClient attempts, Runnable halt) {
    this.running = running;
    this.killed = killed;
    this.attempts = attempts;
    this.halt = halt;
  }

  @Override
  public void of(LivenessWatch.Standstill standstill) {
    try {
      LOG.error(
          "{} This process ends with code {}.", standstill.sentence(), ExitCode.NOT_LIVE.number());
      Optional<LivenessWatch.Running> attempt = standstill.attempt();
      if (attempt.isEmpty()) {
        running.endAll();
        return;
      }
      String activity = LossBound.nameOf(attempt.get().info());
      running.endAllBut(activity); // the others are lost for no fault of theirs
      if (inTime("is not counted", () -> count(attempt.get(), activity))) {
        running.end(activity); // or the next process would count it once more
      }
      inTime("is given back by its time-out", () -> giveBack(attempt.get(), standstill.sentence()));
    } finally {
      halt.run();
    }
  }

  private void count(LivenessWatch.Running attempt, String activity) {
    if (LossBound.isBounded(attempt.info())) {
      killed.recordKilled(
          activity,
          Optional.ofNullable(attempt.names().get(ActivityWatch.EXPERIMENT)),
          Optional.ofNullable(attempt.names().get(ActivityWatch.MODEL)));
    }
  }

  private void giveBack(LivenessWatch.Running attempt, String sentence) {
    ActivityInfo info = attempt.info();
    attempts.completeExceptionally(
        info.getTaskToken(), ErrorType.STALLED.failure(sentence, info.getAttempt()));
  }

  private boolean inTime(String otherwise, Runnable call) {
    try {
      thread.submit(call).get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (ExecutionException e) {
      LOG.warn("The attempt {}: {}", otherwise, e.getCause().toString());
    } catch (TimeoutException e) {
      LOG.warn("The attempt {}: no answer within {}.", otherwise, PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return false;
  }
}
