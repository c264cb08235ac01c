package dev.atelier.workflows;

import dev.atelier.spec.TrainingSpec;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.Optional;
import java.util.function.Function;

/**
 * One model's way from pending to done, over as many attempts as it takes.
 *
 * <p>An attempt that runs is never changed: it is asked to hand back its work after a checkpoint,
 * and what it ends with is settled together with all that was asked for meanwhile.
 */
final class ModelTraining {

  private final ModelKey key;
  private TrainingSpec training;
  private Function<TrainingSpec, Promise<ModelRef>> work;
  private ModelState state = ModelState.PENDING;
  private Promise<ModelRef> attempt; // the newest
  private CancellationScope scope; // of the attempt
  private int attempts;
  private boolean handingBack;
  private boolean wantedAgain;
  private boolean unwanted;
  private boolean givenUp;
  private Optional<Failure> failure = Optional.empty();
  private Optional<String> closed = Optional.empty();

  ModelTraining(ModelKey key, TrainingSpec training) {
    this.key = key;
    this.training = training;
  }

  ModelKey key() {
    return key;
  }

  TrainingSpec training() {
    return training;
  }

  ModelState state() {
    return state;
  }

  boolean is(ModelState other) {
    return state == other;
  }

  int attempts() {
    return attempts;
  }

  /** Why it failed; present while it is failed. */
  Optional<Failure> failure() {
    return failure;
  }

  /** Says how it is trained with given settings. */
  void does(Function<TrainingSpec, Promise<ModelRef>> newWork) {
    work = newWork;
  }

  /** Refuses all changes from now on, for a reason that ends a sentence after a colon. */
  void close(String reason) {
    closed = Optional.of(reason);
  }

  /** Why it can't be changed any more. */
  Optional<String> closed() {
    return closed;
  }

  void start() {
    state = ModelState.RUNNING;
    handingBack = false;
    wantedAgain = false;
    attempts++;
    scope = Workflow.newCancellationScope(() -> attempt = work.apply(training));
    scope.run();
  }

  /** True once the running attempt has a result or a failure that is not yet settled. */
  boolean hasEnded() {
    return state == ModelState.RUNNING && attempt.isCompleted();
  }

  /** Whether an attempt still works, perhaps on its last checkpoint. */
  boolean works() {
    return state == ModelState.RUNNING && !attempt.isCompleted();
  }

  boolean isHandingBack() {
    return handingBack;
  }

  /** Whether the running attempt is the last, because the model is no longer wanted. */
  boolean isUnwanted() {
    return unwanted;
  }

  /** Asks the running attempt, if there is one, to save a checkpoint and end. */
  void handBack() {
    if (state == ModelState.RUNNING && !handingBack) {
      handingBack = true;
      scope.cancel("handed back");
    }
  }

  /**
   * Decides what became of an attempt that has ended; throws if all of the workflow is canceled.
   */
  void settle() {
    RuntimeException thrown = attempt.getFailure();
    if (unwanted) {
      state = ModelState.CANCELED;
    } else if (wantedAgain) {
      state = ModelState.PENDING;
    } else if (thrown == null) {
      state = ModelState.DONE;
    } else if (handingBack) {
      state = ModelState.PENDING;
    } else if (Failure.isCancellation(thrown)) {
      throw thrown;
    } else {
      state = ModelState.FAILED;
      failure = Optional.of(Failure.of(thrown));
    }
  }

  /** Trains it from its last checkpoint on with these settings, as soon as it can be. */
  void trainAgain(TrainingSpec settings) {
    training = settings;
    givenUp = false;
    unwanted = false;
    failure = Optional.empty();
    if (state == ModelState.RUNNING) {
      wantedAgain = true;
      handBack();
    } else {
      state = ModelState.PENDING;
    }
  }

  /** Stops it; what it has learned is kept in case it is asked for again. */
  void cancel() {
    unwanted = true;
    if (state == ModelState.RUNNING) {
      handBack();
    } else {
      failure = Optional.empty();
      state = ModelState.CANCELED;
    }
  }

  /** Waits no longer for somebody to ask for it again. */
  void giveUp() {
    if (state == ModelState.PENDING) {
      cancel();
    }
    givenUp = true;
  }

  /** Whether it needs no more work, unless somebody asks for some. */
  boolean isSettled() {
    return state == ModelState.DONE
        || state == ModelState.CANCELED
        || (state == ModelState.FAILED && givenUp);
  }

  /** The trained model; only of one that is done. */
  ModelRef result() {
    return attempt.get();
  }
}
