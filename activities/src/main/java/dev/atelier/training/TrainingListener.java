package dev.atelier.training;

/** Hears how a training goes on, from the training's own thread. */
public interface TrainingListener {

  /**
   * Training starts, or goes on from a checkpoint, with {@code step} of {@code totalSteps} done.
   */
  default void onStart(int step, int totalSteps) {}

  /** Called every {@code metricsEverySteps} steps and after the last one. */
  void onMetrics(TrainingMetrics metrics);

  /** A checkpoint of {@code step} steps is in the store. */
  default void onCheckpoint(int step) {}
}
