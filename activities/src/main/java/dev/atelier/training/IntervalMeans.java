package dev.atelier.training;

import java.util.Arrays;

/** Means of a step's figures since the last report. */
final class IntervalMeans {
  private final int totalSteps;
  private final int batchSize;
  private final double[] sums = new double[4];
  private int steps;
  private long startNanos = System.nanoTime();

  IntervalMeans(int totalSteps, int batchSize) {
    this.totalSteps = totalSteps;
    this.batchSize = batchSize;
  }

  /** Adds a step's [loss, diffusion loss, distillation loss, gradient norm]. */
  void add(double[] metrics) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += metrics[i];
    }
    steps++;
  }

  /** Gives the means and starts a new interval. */
  TrainingMetrics report(int step, double learningRate) {
    long now = System.nanoTime();
    double seconds = (now - startNanos) / 1e9;
    TrainingMetrics metrics =
        new TrainingMetrics(
            step,
            totalSteps,
            sums[0] / steps,
            sums[1] / steps,
            sums[2] / steps,
            sums[3] / steps,
            learningRate,
            steps * (double) batchSize / seconds);
    Arrays.fill(sums, 0);
    steps = 0;
    startNanos = now;
    return metrics;
  }
}
