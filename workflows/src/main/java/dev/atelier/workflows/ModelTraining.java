package dev.atelier.workflows;

import dev.atelier.spec.TrainingOverrides;
import dev.atelier.spec.TrainingOverridesBuilder;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.workflows.ReuseActivities.Found;
import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * One model's way from pending to done, over as many attempts as it takes.
 *
 * <p>An attempt that runs is never changed: it is asked to hand back its work after a checkpoint,
 * and what it ends with is settled together with all that was asked for meanwhile.
 */
final class ModelTraining {

  private final ModelKey key;
  private TrainingSpec training;
  private Supplier<Work> work;
  private ModelState state = ModelState.PENDING;
  private Work attempt; // the newest
  private Deque<Deque<Supplier<Promise<Found>>>> questions; // of the attempt, those still open
  private Optional<Promise<Found>> question = Optional.empty(); // while it has no result
  private Promise<ModelRef> result; // of the attempt
  private CancellationScope scope; // of what the attempt does now
  private int attempts;
  private boolean handingBack;
  private boolean changed;
  private boolean cutSmaller;
  private boolean wantedAgain;
  private boolean unwanted;
  private boolean givenUp;
  private Optional<Failure> failure = Optional.empty();
  private Optional<String> closed = Optional.empty();

  /**
   * What an attempt does. Its steps are begun one by one by the workflow's own thread: one thread
   * for each student would make hundreds of them look up at every event.
   *
   * @param questions what is asked before, each in several ways; the next one is tried where one
   *     fails
   * @param train trains it, if no answer had a model
   */
  record Work(List<List<Supplier<Promise<Found>>>> questions, Supplier<Promise<ModelRef>> train) {}

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

  /** Says what an attempt does, with the settings of then. */
  void does(Supplier<Work> newWork) {
    work = newWork;
  }

  /**
   * Whether a user has changed it: it goes on from what it has learned, or differs, and so is like
   * no model of another experiment.
   */
  boolean isChanged() {
    return changed;
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
    attempt = work.get();
    questions = new ArrayDeque<>();
    attempt.questions().stream()
        .filter(ways -> !ways.isEmpty())
        .forEach(ways -> questions.add(new ArrayDeque<>(ways)));
    goOn();
  }

  /** Whether the attempt waits to be told to go on. */
  boolean canGoOn() {
    return state == ModelState.RUNNING && question.isPresent() && question.get().isCompleted();
  }

  /** Begins the next step of the attempt, or ends it. */
  void goOn() {
    Optional<Promise<Found>> asked = question;
    question = Optional.empty();
    Optional<RuntimeException> thrown = asked.map(Promise::getFailure);
    Optional<ModelRef> found =
        thrown.isPresent() ? Optional.empty() : asked.flatMap(s -> s.get().model());
    if (asked.isPresent() && thrown.isEmpty()) {
      questions.remove(); // answered
    }
    if (found.isPresent()) {
      result = Workflow.newPromise(found.get());
    } else if (thrown.isPresent()
        && (Failure.isCancellation(thrown.get()) || questions.element().isEmpty())) {
      result = Workflow.newFailedPromise(thrown.get());
    } else if (handingBack) {
      result = Workflow.newFailedPromise(new CanceledFailure("handed back"));
    } else if (questions.isEmpty()) {
      begin(() -> result = attempt.train().get());
    } else {
      begin(() -> question = Optional.of(questions.element().remove().get()));
    }
  }

  private void begin(Runnable step) {
    scope = Workflow.newCancellationScope(step);
    scope.run();
  }

  /** True once the running attempt has a result or a failure that is not yet settled. */
  boolean hasEnded() {
    return state == ModelState.RUNNING && question.isEmpty() && result.isCompleted();
  }

  /** Whether an attempt still works, perhaps on its last checkpoint. */
  boolean works() {
    return state == ModelState.RUNNING
        && !question.map(Promise::isCompleted).orElseGet(() -> result.isCompleted());
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
    RuntimeException thrown = result.getFailure();
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
    changed = true;
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

  /**
   * What a training whose memory ran out is tried with once more, where its spec allows: twice as
   * many parts of a batch. Only once.
   */
  Optional<TrainingOverrides> inSmallerParts() {
    int parts = 2 * training.accumulationSteps();
    if (cutSmaller
        || failure.filter(f -> f.type().equals(ErrorType.OUT_OF_MEMORY.name())).isEmpty()
        || training.accumulateWhenOutOfMemory().isEmpty()
        || training.batchSize() % parts != 0) {
      return Optional.empty();
    }
    cutSmaller = true;
    return Optional.of(
        TrainingOverridesBuilder.builder().accumulationSteps(Optional.of(parts)).build());
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
    return result.get();
  }
}
