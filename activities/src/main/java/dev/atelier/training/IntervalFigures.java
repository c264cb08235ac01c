package dev.atelier.training;

import dev.atelier.network.StepFigures;
import dev.atelier.training.TrainingMetrics.Spread;
import dev.atelier.workflows.vocabulary.Series;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/** Gathers what {@link TrainingMetrics} says of the steps since the last report. */
final class IntervalFigures {
  private static final int TENTHS = 10;

  /** The series that each step has a figure of. */
  private static final Map<Series, ToDoubleFunction<StepFigures>> OF_A_STEP =
      Map.of(
          Series.LOSS, StepFigures::loss,
          Series.DIFFUSION_LOSS, StepFigures::diffusionLoss,
          Series.DISTILLATION_LOSS, StepFigures::distillationLoss,
          Series.GRADIENT_NORM, StepFigures::gradientNorm,
          Series.FEATURE_LOSS, StepFigures::featureLoss);

  private final int totalSteps;
  private final int batchSize;
  private final boolean onHost;
  private final int timesteps;
  private final Map<Series, Running> running = new EnumMap<>(Series.class);
  private final double[] tenthSums = new double[TENTHS];
  private final int[] tenthCounts = new int[TENTHS];
  private int steps;
  private long startNanos = System.nanoTime();

  /** One series: its detector sees the whole training, the rest an interval. */
  private static final class Running {
    private final OutlierDetector detector = new OutlierDetector();
    private double mean;
    private double squares; // sum of squared differences from the mean
    private double sum;
    private double max;
    private int count;
    private int outliers;

    // Welford's recurrence; Knuth, TAOCP 2, section 4.2.2.
    void add(double value) {
      sum += value;
      count++;
      max = count == 1 ? value : Math.max(max, value);
      double difference = value - mean;
      mean += difference / count;
      squares += difference * (value - mean);
      if (detector.add(value)) {
        outliers++;
      }
    }

    double average() {
      return sum / count;
    }

    Spread spread() {
      return new Spread(
          count > 1 ? OptionalDouble.of(squares / (count - 1)) : OptionalDouble.empty(), outliers);
    }

    void startInterval() {
      mean = 0;
      squares = 0;
      sum = 0;
      count = 0;
      outliers = 0;
    }
  }

  /**
   * @param onHost whether libtorch's tensors are in this process's memory
   * @param timesteps T
   * @param series that the training has
   */
  IntervalFigures(
      int totalSteps, int batchSize, boolean onHost, int timesteps, Set<Series> series) {
    this.totalSteps = totalSteps;
    this.batchSize = batchSize;
    this.onHost = onHost;
    this.timesteps = timesteps;
    series.forEach(s -> running.put(s, new Running()));
  }

  /**
   * Adds a step.
   *
   * @param t timestep of each sample
   */
  void add(StepFigures figures, long[] t) {
    running.forEach((series, r) -> r.add(OF_A_STEP.get(series).applyAsDouble(figures)));
    for (int i = 0; i < t.length; i++) {
      int tenth = Math.toIntExact(TENTHS * t[i] / timesteps);
      tenthSums[tenth] += figures.samples()[i];
      tenthCounts[tenth]++;
    }
    steps++;
  }

  /** Gives the figures and starts a new interval. */
  TrainingMetrics report(int step, double learningRate) {
    long now = System.nanoTime();
    double seconds = (now - startNanos) / 1e9;
    Map<Series, Spread> spread = new EnumMap<>(Series.class);
    running.forEach((series, r) -> spread.put(series, r.spread()));
    TrainingMetrics metrics =
        TrainingMetricsBuilder.builder()
            .step(step)
            .totalSteps(totalSteps)
            .loss(mean(Series.LOSS))
            .diffusionLoss(mean(Series.DIFFUSION_LOSS))
            .distillationLoss(mean(Series.DISTILLATION_LOSS))
            .gradientNorm(mean(Series.GRADIENT_NORM))
            .learningRate(learningRate)
            .imagesPerSecond(steps * (double) batchSize / seconds)
            .maxLoss(running.get(Series.LOSS).max)
            .maxGradientNorm(running.get(Series.GRADIENT_NORM).max)
            .outliers(running.get(Series.LOSS).outliers)
            .nativeBytes(onHost ? NativeMemory.bytes() : OptionalLong.empty())
            .featureLoss(mean(Series.FEATURE_LOSS))
            .spread(spread)
            .lossByTenth(lossByTenth())
            .build();
    running.values().forEach(Running::startInterval);
    Arrays.fill(tenthSums, 0);
    Arrays.fill(tenthCounts, 0);
    steps = 0;
    startNanos = now;
    return metrics;
  }

  private double mean(Series series) {
    return running.containsKey(series) ? running.get(series).average() : 0;
  }

  private Map<Integer, Double> lossByTenth() {
    Map<Integer, Double> means = new TreeMap<>();
    for (int k = 0; k < TENTHS; k++) {
      if (tenthCounts[k] > 0) {
        means.put(k, tenthSums[k] / tenthCounts[k]);
      }
    }
    return means;
  }
}
