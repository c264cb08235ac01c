package dev.atelier.worker;

import static dev.atelier.worker.Failures.translating;

import dev.atelier.store.TurnHistory;
import dev.atelier.workflows.ErrorType;
import dev.atelier.workflows.TurnActivities;
import io.temporal.activity.Activity;
import java.util.Optional;

/** Asks the database whose turn it is. */
record TurnActivitiesImpl(TurnHistory turns) implements TurnActivities {

  @Override
  public void takeTurn(TakeTurn turn) {
    translating(
        () -> {
          Optional<String> reason = turns.take(turn.experimentId(), turn.work());
          if (reason.isPresent()) { // no fault, and asked again for days: nothing to log
            int attempt = Activity.getExecutionContext().getInfo().getAttempt();
            throw ErrorType.AWAITS_TURN.retriedAfter(Failures.askAgainAfter(attempt), reason.get());
          }
        });
  }

  @Override
  public void returnTurns(ReturnTurns of) {
    translating(() -> turns.giveBackAll(of.experimentId()));
  }
}
