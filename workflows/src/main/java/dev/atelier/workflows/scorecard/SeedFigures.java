package dev.atelier.workflows.scorecard;

import java.util.List;

/**
 * A figure over several seeds.
 *
 * @param deviation sample standard deviation (n − 1), 0 for a single value
 */
public record SeedFigures(int seeds, double mean, double deviation) {

  /** Of the values, one a seed, of which there must be at least one. */
  public static SeedFigures of(List<Double> values) {
    double mean =
        values.stream()
            .mapToDouble(v -> v)
            .average()
            .orElseThrow(() -> new IllegalArgumentException("There are no values."));
    double squares = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
    double deviation = values.size() < 2 ? 0 : Math.sqrt(squares / (values.size() - 1));
    return new SeedFigures(values.size(), mean, deviation);
  }
}
