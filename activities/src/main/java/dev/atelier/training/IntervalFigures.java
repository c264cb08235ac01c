package dev.atelier.training;

import java.util.Arrays;
import java.util.OptionalLong;

/** Gathers what {@link TrainingMetrics} says of the steps since the last report. */
final class IntervalFigures {
  private final int totalSteps;
  private final int batchSize;
  private final boolean onHost;
  private final OutlierDetector outlierDetector = new OutlierDetector();
  private final double[] sums = new double[4];
  private double maxLoss;
  private double maxGradNorm;
  private int outliers;
  private int steps;
  private long startNanos = System.nanoTime();

  /**
   * @param onHost whether libtorch's tensors are in this process's memory
   */
  IntervalFigures(int totalSteps, int batchSize, boolean onHost) {
    this.totalSteps = totalSteps;
    this.batchSize = batchSize;
    this.onHost = onHost;
  }

  /** Adds a step's [loss, diffusion loss, distillation loss, gradient norm]. */
  void add(double[] metrics) {
    for (int i = 0; i < sums.length; i++) {
      sums[i] += metrics[i];
    }
    maxLoss = steps == 0 ? metrics[0] : Math.max(maxLoss, metrics[0]);
    maxGradNorm = steps == 0 ? metrics[3] : Math.max(maxGradNorm, metrics[3]);
    if (outlierDetector.add(metrics[0])) {
      outliers++;
    }
    steps++;
  }

  /** Gives the figures and starts a new interval. */
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
            steps * (double) batchSize / seconds,
            maxLoss,
            maxGradNorm,
            outliers,
            onHost ? NativeMemory.bytes() : OptionalLong.empty());
    Arrays.fill(sums, 0);
    outliers = 0;
    steps = 0;
    startNanos = now;
    return metrics;
  }
}
