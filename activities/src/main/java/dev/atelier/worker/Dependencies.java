package dev.atelier.worker;

import dev.atelier.worker.Dependency.Away;
import dev.atelier.worker.Dependency.Refused;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The servers that a worker needs: waits for them at the start, and says later which is away. */
final class Dependencies {

  private static final Logger LOG = LoggerFactory.getLogger(Dependencies.class);
  private static final Duration PAUSE = Duration.ofSeconds(1); // between two questions

  private final List<Dependency> all;
  private final Duration patience;
  private final Duration answerWithin;
  private final AtomicReference<String> waiting = new AtomicReference<>("starting");
  private final ExecutorService threads =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "dependency");
            thread.setDaemon(true); // one that hangs must not keep the process
            return thread;
          });

  /**
   * @param patience how long the start waits for each of them
   * @param answerWithin how long one question may take
   */
  Dependencies(List<Dependency> all, Duration patience, Duration answerWithin) {
    this.all = List.copyOf(all);
    this.patience = patience;
    this.answerWithin = answerWithin;
  }

  /**
   * Waits until each of them answers.
   *
   * @throws StartException if one does not answer in time, or refuses the credentials
   */
  void await() throws InterruptedException {
    for (Dependency dependency : all) {
      await(dependency);
    }
  }

  private void await(Dependency dependency) throws InterruptedException {
    long begin = System.nanoTime();
    String said = "";
    while (true) {
      try {
        ask(dependency);
        if (!said.isEmpty()) {
          LOG.info("{} answers after {}.", dependency.shown(), since(begin));
        }
        return;
      } catch (Refused e) {
        throw new StartException(
            ExitCode.REFUSED, "%s: %s".formatted(dependency.shown(), e.getMessage()), e);
      } catch (Away e) {
        waiting.set("waiting for %s: %s".formatted(dependency.shown(), e.getMessage()));
        if (!said.equals(e.getMessage())) { // one line for each reason, not for each question
          said = e.getMessage();
          LOG.warn(
              "Waiting for {}: {}; gives up after {}.", dependency.shown(), said, shown(patience));
        }
        if (System.nanoTime() - begin >= patience.toNanos()) {
          throw new StartException(
              ExitCode.AWAY,
              "%s was waited for, %s (atelier.worker.start-patience): %s."
                  .formatted(dependency.shown(), shown(patience), e.getMessage()),
              e);
        }
        Thread.sleep(PAUSE.toMillis());
      }
    }
  }

  private static String since(long begin) {
    return shown(Duration.ofNanos(System.nanoTime() - begin));
  }

  private static String shown(Duration time) {
    return time.toSeconds() >= 120 && time.toSeconds() % 60 == 0
        ? time.toMinutes() + " min"
        : time.toSeconds() + " s";
  }

  /** What is being waited for before {@link #await} has returned. */
  String waiting() {
    return waiting.get();
  }

  /** Which one does not answer now, and why; empty: all do. */
  Optional<String> away() {
    for (Dependency dependency : all) {
      try {
        ask(dependency);
      } catch (Refused | Away e) {
        return Optional.of("%s: %s".formatted(dependency.shown(), e.getMessage()));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return Optional.of("ending");
      }
    }
    return Optional.empty();
  }

  private void ask(Dependency dependency) throws Refused, Away, InterruptedException {
    Future<Optional<Exception>> answer =
        threads.submit(
            () -> {
              try {
                dependency.probe().ask();
                return Optional.empty();
              } catch (Refused | Away e) {
                return Optional.of(e);
              }
            });
    Optional<Exception> failure;
    try {
      failure = answer.get(answerWithin.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      answer.cancel(true);
      throw new Away("no answer within %s".formatted(shown(answerWithin)), e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(
          "%s cannot be asked: %s".formatted(dependency.shown(), e.getCause()), e);
    }
    if (failure.isPresent()) {
      if (failure.get() instanceof Refused refused) {
        throw refused;
      }
      throw (Away) failure.get();
    }
  }
}
