package dev.atelier.workflows;

import io.temporal.workflow.Workflow;
import java.util.List;
import java.util.function.Supplier;

/** Trains models of a cohort side by side; a failure is a state that waits for somebody to act. */
final class CohortTraining {

  private final Cohort cohort;
  private final Standing standing;
  private final ExperimentJournal journal;
  private boolean paused;

  CohortTraining(Cohort cohort, Standing standing, ExperimentJournal journal) {
    this.cohort = cohort;
    this.standing = standing;
    this.journal = journal;
  }

  boolean isPaused() {
    return paused;
  }

  /** Hands back what is running after a checkpoint, and starts nothing until {@link #resume}. */
  void pause() {
    paused = true;
  }

  void resume() {
    paused = false;
  }

  /**
   * Trains the models, all at once, and returns when each is done or canceled; a failed one waits
   * until its deadline for somebody to ask for it again.
   */
  void train(List<ModelTraining> models, Stage trainingStage) {
    while (true) {
      models.stream().filter(ModelTraining::canGoOn).forEach(ModelTraining::goOn);
      models.stream().filter(ModelTraining::hasEnded).forEach(this::settle);
      journal.flush(); // what was asked for is on record before it is begun
      if (paused) {
        models.forEach(ModelTraining::handBack);
      } else {
        models.stream().filter(m -> m.is(ModelState.PENDING)).forEach(ModelTraining::start);
      }
      boolean settled = models.stream().allMatch(ModelTraining::isSettled);
      if (settled && !paused) {
        return;
      }
      boolean waits = waits(models);
      if (!settled) {
        standing.enter(waits ? Stage.AWAITING_RETRY : trainingStage);
      }
      Supplier<Boolean> attention =
          () ->
              models.stream().anyMatch(this::needsAttention)
                  || waits(models) != waits
                  || (!paused && models.stream().allMatch(ModelTraining::isSettled));
      if (!waits) {
        Workflow.await(attention);
      } else if (!standing.awaitUntilDeadline(attention)) {
        models.stream().filter(m -> m.is(ModelState.FAILED)).forEach(ModelTraining::giveUp);
      }
    }
  }

  private boolean needsAttention(ModelTraining model) {
    return model.canGoOn()
        || model.hasEnded()
        || (paused
            ? model.is(ModelState.RUNNING) && !model.isHandingBack()
            : model.is(ModelState.PENDING));
  }

  /** Whether nothing goes on before somebody asks for a failed model again. */
  private boolean waits(List<ModelTraining> models) {
    return !paused
        && models.stream().noneMatch(m -> m.is(ModelState.RUNNING) || m.is(ModelState.PENDING))
        && !models.stream().allMatch(ModelTraining::isSettled);
  }

  private void settle(ModelTraining model) {
    model.settle();
    switch (model.state()) {
      case FAILED -> {
        journal.modelFailed(model.key(), model.failure().orElseThrow());
        model
            .inSmallerParts()
            .ifPresent(
                smaller -> {
                  model.trainAgain(smaller.applyTo(model.training()));
                  journal.retry(model.key(), smaller, model.training().steps());
                });
      }
      case CANCELED -> journal.modelCanceled(model.key());
      case PENDING -> {
        if (paused && cohort.models().noneMatch(m -> m.is(ModelState.RUNNING))) {
          journal.handedBack();
        }
      }
      case RUNNING, DONE -> {}
    }
  }
}
