package dev.atelier.workflows;

import dev.atelier.workflows.TurnActivities.ReturnTurns;
import dev.atelier.workflows.TurnActivities.TakeTurn;
import io.temporal.failure.ActivityFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.List;
import java.util.function.Supplier;

/**
 * Has compute work wait, before it is scheduled, until its project's bounds leave room for it. The
 * worker gives a turn back when the work ends.
 */
final class Turns {

  private final TurnActivities atOnce =
      Workflow.newLocalActivityStub(TurnActivities.class, Activities.REUSE_AT_ONCE);
  private final TurnActivities database =
      Workflow.newActivityStub(TurnActivities.class, Activities.DATABASE);

  private final String experimentId;
  private boolean known; // to the version that began the experiment

  Turns(String experimentId) {
    this.experimentId = experimentId;
  }

  /** To be called by the workflow's method before it has threads: asking lets others go first. */
  void open() {
    known = Workflow.getVersion("turns", Workflow.DEFAULT_VERSION, 1) != Workflow.DEFAULT_VERSION;
  }

  /**
   * Ways to take a turn for the work that {@code task} asks for; the next one is tried where one
   * fails. None: the experiment is of before there were turns.
   */
  List<Supplier<Promise<Void>>> ways(Object task) {
    if (!known) {
      return List.of();
    }
    TakeTurn turn = turn(task);
    return List.of(
        () -> Async.procedure(atOnce::takeTurn, turn),
        () -> Async.procedure(patiently(turn)::takeTurn, turn));
  }

  /** Returns once it is the turn of the work that {@code task} asks for. */
  void await(Object task) {
    if (!known) {
      return;
    }
    TakeTurn turn = turn(task);
    try {
      atOnce.takeTurn(turn); // one event, mostly all
    } catch (ActivityFailure e) {
      if (Failure.isCancellation(e)) {
        throw e;
      }
      patiently(turn).takeTurn(turn);
    }
  }

  /** Gives all of them back; no compute work may be under way. */
  void giveBack() {
    if (known) {
      database.returnTurns(new ReturnTurns(experimentId));
    }
  }

  private TakeTurn turn(Object task) {
    return new TakeTurn(experimentId, ComputeWork.nameOf(task));
  }

  private static TurnActivities patiently(TakeTurn turn) {
    return Workflow.newActivityStub(
        TurnActivities.class, Activities.turn("turn for " + turn.work()));
  }
}
