package dev.atelier.report;

import java.util.List;
import java.util.Locale;

/**
 * A figure over several seeds.
 *
 * @param deviation sample standard deviation, 0 for a single value
 */
public record Spread(int count, double mean, double deviation) {

  /** Of the values, of which there must be at least one. */
  public static Spread of(List<Double> values) {
    double mean =
        values.stream()
            .mapToDouble(v -> v)
            .average()
            .orElseThrow(() -> new IllegalArgumentException("There are no values."));
    double squares = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
    double deviation = values.size() < 2 ? 0 : Math.sqrt(squares / (values.size() - 1));
    return new Spread(values.size(), mean, deviation);
  }

  @Override
  public String toString() {
    return count < 2
        ? String.format(Locale.ROOT, "%.4g", mean)
        : String.format(Locale.ROOT, "%.4g ± %.2g", mean, deviation);
  }
}
