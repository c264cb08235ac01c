package dev.atelier.report;

import dev.atelier.workflows.scorecard.SeedFigures;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.List;
import java.util.Locale;

/**
 * A figure over several seeds.
 *
 * @param deviation sample standard deviation, 0 for a single value
 */
public record Spread(int count, double mean, double deviation) {

  private static final int FEWEST_FOR_A_VERDICT = 3;

  /** Of the values, of which there must be at least one. */
  public static Spread of(List<Double> values) {
    return of(SeedFigures.of(values));
  }

  static Spread of(SeedFigures figures) {
    return new Spread(figures.seeds(), figures.mean(), figures.deviation());
  }

  /** The mean, and its deviation where there is one. */
  @Override
  public String toString() {
    return Notation.spread(mean, deviation);
  }

  /**
   * A sentence on which of two is lower, with the difference of the means measured against the
   * larger of both deviations. It never calls a difference significant, and with fewer than 3
   * values on a side it only states the difference.
   */
  public static String verdict(String nameA, Spread a, String nameB, Spread b) {
    double difference = Math.abs(a.mean - b.mean);
    if (difference == 0) {
      return "%s and %s have the same mean.".formatted(nameA, nameB);
    }
    String statement =
        "%s is %s lower than %s"
            .formatted(
                a.mean < b.mean ? nameA : nameB,
                Notation.tick(difference),
                a.mean < b.mean ? nameB : nameA);
    int fewest = Math.min(a.count, b.count);
    if (fewest < FEWEST_FOR_A_VERDICT) {
      return "%s, but %d %s cannot tell this from chance."
          .formatted(statement, fewest, fewest == 1 ? "seed" : "seeds");
    }
    double deviation = Math.max(a.deviation, b.deviation);
    if (deviation == 0) {
      return "%s; neither varies over its seeds.".formatted(statement);
    }
    double ratio = difference / deviation;
    String measure = String.format(Locale.ROOT, "%.1f standard deviations over the seeds", ratio);
    if (ratio < 1) {
      return "%s, which is within the noise (%s).".formatted(statement, measure);
    }
    return ratio < 2
        ? "%s, little more than the noise (%s).".formatted(statement, measure)
        : "%s, clear of the noise (%s).".formatted(statement, measure);
  }
}
