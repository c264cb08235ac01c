package dev.atelier.webhook;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** When a message is sent again. */
public final class DeliverySchedule {

  private static final Duration FIRST = Duration.ofSeconds(5);
  private static final Duration LONGEST = Duration.ofHours(2);
  private static final Duration LONGEST_FOR_TURN = Duration.ofMinutes(1);

  private DeliverySchedule() {}

  /** 5 s, 10 s, 20 s, … 2 h; counted by requests, as turns that were waited for are no attempts. */
  public static Duration afterFailure(int attempt) {
    Duration pause = FIRST.multipliedBy(1L << Math.min(attempt - 1, 20));
    return pause.compareTo(LONGEST) < 0 ? pause : LONGEST;
  }

  /** Longer with each time, and spread, so that what waits by the hundred asks seldom. */
  public static Duration untilTurn(int time) {
    long mostMillis = Math.min(FIRST.toMillis() * time, LONGEST_FOR_TURN.toMillis());
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(mostMillis / 2, mostMillis + 1));
  }
}
