package dev.atelier.workflows;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** Turns that are given as the test says. */
final class SleepingTurns implements TurnActivities {

  /** Work for which there is no room. */
  final Set<String> noRoom = ConcurrentHashMap.newKeySet();

  /** Work whose turn it was, as often as that was so. */
  final List<String> taken = new CopyOnWriteArrayList<>();

  /** How often work had to wait. */
  final AtomicInteger refused = new AtomicInteger();

  /** How often turns were given back. */
  final AtomicInteger returned = new AtomicInteger();

  @Override
  public void takeTurn(TakeTurn turn) {
    SleepingActivities.sleep();
    if (noRoom.contains(turn.work())) {
      refused.incrementAndGet();
      throw ErrorType.AWAITS_TURN.retriedAfter(Duration.ofSeconds(5), "There is no room.");
    }
    taken.add(turn.work());
  }

  @Override
  public void returnTurns(ReturnTurns of) {
    SleepingActivities.sleep();
    returned.incrementAndGet();
  }
}
