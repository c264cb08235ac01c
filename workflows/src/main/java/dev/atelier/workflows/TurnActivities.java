package dev.atelier.workflows;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;

/** Whose turn it is at the devices of a project. */
@ActivityInterface
public interface TurnActivities {

  /**
   * A piece of compute work that is to be scheduled.
   *
   * @param work its name, by {@link ComputeWork}
   */
  record TakeTurn(String experimentId, String work) {}

  /** An experiment of which no compute work is under way. */
  record ReturnTurns(String experimentId) {}

  /** Fails, and is tried again, until the bounds of the project leave room for the work. */
  @ActivityMethod(name = "TakeTurn")
  void takeTurn(TakeTurn work);

  /** Gives back the turns of work that was called off before a worker had it. */
  @ActivityMethod(name = "ReturnTurns")
  void returnTurns(ReturnTurns of);
}
