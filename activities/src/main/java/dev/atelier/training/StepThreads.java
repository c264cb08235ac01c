package dev.atelier.training;

import dev.atelier.spec.TrainingSpec;

/**
 * How many threads the steps of a training take.
 *
 * <p>Threads meet after every operation. Where an operation is small, they gain nothing by two of
 * them on a machine of their own, and lose by it on one that others use too, whose scheduler lets
 * the one wait for the other ({@code bench/engine/run busy}).
 */
public final class StepThreads {

  /** Multiply-accumulates of a forward pass that are worth a thread. */
  static final long MACS_OF_A_THREAD = 250_000_000;

  private StepThreads() {}

  /**
   * One thread for each {@link #MACS_OF_A_THREAD} of a forward pass.
   *
   * @param macs of one image
   * @param most at most so many, and at least one
   */
  public static int of(long macs, TrainingSpec training, int most) {
    long images = Math.max(1, training.batchSize() / training.accumulationSteps());
    return (int) Math.max(1, Math.min(most, images * macs / MACS_OF_A_THREAD));
  }
}
