package dev.atelier.evaluation;

/** Mean and (population) standard deviation of a figure over subsets or splits. */
public record MeanAndDeviation(double mean, double deviation) {

  static MeanAndDeviation of(double[] values) {
    double mean = 0;
    for (double value : values) {
      mean += value / values.length;
    }
    double variance = 0;
    for (double value : values) {
      variance += (value - mean) * (value - mean) / values.length;
    }
    return new MeanAndDeviation(mean, Math.sqrt(variance));
  }
}
