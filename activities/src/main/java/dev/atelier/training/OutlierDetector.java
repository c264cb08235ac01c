package dev.atelier.training;

/**
 * Tells the steps whose loss is more than 4 standard deviations above the running mean. Mean and
 * variance are exponentially weighted over about the last 100 steps (Finch 2009, equations 124 and
 * 143); a step is compared with those before it. The first 100 steps of a run, or after its
 * resumption, only feed the estimate.
 */
final class OutlierDetector {
  static final int WARM_UP_STEPS = 100;
  private static final double WEIGHT = 0.01; // of the newest step
  private static final double LIMIT = 4; // standard deviations

  private double mean;
  private double variance;
  private int steps;

  /** Takes the next step's loss, and says whether it is an outlier. */
  boolean add(double loss) {
    boolean outlier = steps >= WARM_UP_STEPS && loss > mean + LIMIT * Math.sqrt(variance);
    if (steps == 0) {
      mean = loss;
    }
    // Until there are 100 steps each counts the same: a plain mean.
    double weight = Math.max(WEIGHT, 1.0 / (steps + 1));
    double difference = loss - mean;
    mean += weight * difference;
    variance = (1 - weight) * (variance + weight * difference * difference);
    steps++;
    return outlier;
  }
}
