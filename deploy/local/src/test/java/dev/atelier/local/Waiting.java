package dev.atelier.local;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;

/** Waits for something that another process does. */
final class Waiting {

  private static final Duration PATIENCE = Duration.ofMinutes(1); // ends a hung test, no more

  private Waiting() {}

  static void until(Callable<Boolean> condition) throws Exception {
    until(condition, PATIENCE);
  }

  static void until(Callable<Boolean> condition, Duration patience) throws Exception {
    Instant deadline = Instant.now().plus(patience);
    while (!condition.call()) {
      if (Instant.now().isAfter(deadline)) {
        throw new AssertionError("it did not happen within " + patience);
      }
      Thread.sleep(50);
    }
  }
}
