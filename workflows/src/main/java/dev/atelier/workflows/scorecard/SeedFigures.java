package dev.atelier.workflows.scorecard;

import java.util.List;

/**
 * A figure over several seeds.
 *
 * @param deviation sample standard deviation (n − 1), 0 for a single value and for equal ones
 */
public record SeedFigures(int seeds, double mean, double deviation) {

  /** Of the values, one a seed, of which there must be at least one. */
  public static SeedFigures of(List<Double> values) {
    if (values.stream().distinct().count() == 1) {
      return new SeedFigures(values.size(), values.get(0), 0); // and not the error of their sum
    }
    double mean =
        values.stream()
            .mapToDouble(v -> v)
            .average()
            .orElseThrow(() -> new IllegalArgumentException("There are no values."));
    double squares = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
    return new SeedFigures(values.size(), mean, Math.sqrt(squares / (values.size() - 1)));
  }
}
