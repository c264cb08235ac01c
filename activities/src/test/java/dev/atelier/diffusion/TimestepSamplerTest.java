package dev.atelier.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TimestepRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Pearson's χ² between the timesteps drawn and the distribution that p, the range and T ask for,
 * over ten cells of the range and ten of the rest.
 */
class TimestepSamplerTest {
  private static final int T = 1000;
  private static final int PAIRS = 20_000;

  // Upper 0.1 % points of χ²: NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.4.
  private static final double CRITICAL_9 = 27.877;
  private static final double CRITICAL_19 = 43.820;

  /** Counts of one position of each pair: independent draws, antithetic or not. */
  private static int[] counts(TimestepSampler sampler, long seed, int position) {
    SeededRandom random = new SeededRandom(seed);
    int[] counts = new int[T];
    for (int i = 0; i < PAIRS; i++) {
      counts[sampler.draw(random, i / 8, 2 * (i % 8) + position)]++;
    }
    return counts;
  }

  private static double probability(TimestepRange range, double p, int t) {
    return (1 - p) / T + (range.contains(t) ? p / range.length() : 0);
  }

  /** The cell of a timestep: a tenth of the range, or ten and a tenth of the rest. */
  private static int cell(TimestepRange range, int t) {
    if (range.contains(t)) {
      return 10 * (t - range.low()) / range.length();
    }
    int rank = t < range.low() ? t : t - range.length();
    return 10 + 10 * rank / (T - range.length());
  }

  /** Whether the counts pass at the 0.1 % level as drawn with p. */
  private static boolean fits(int[] counts, TimestepRange range, double p) {
    double[] expected = new double[20];
    double[] found = new double[20];
    for (int t = 0; t < T; t++) {
      expected[cell(range, t)] += PAIRS * probability(range, p, t);
      found[cell(range, t)] += counts[t];
    }
    double chiSquared = 0;
    int cells = 0;
    for (int i = 0; i < expected.length; i++) {
      if (expected[i] == 0) {
        if (found[i] > 0) {
          return false;
        }
      } else {
        chiSquared += (found[i] - expected[i]) * (found[i] - expected[i]) / expected[i];
        cells++;
      }
    }
    assertThat(cells).isIn(10, 20);
    return chiSquared < (cells == 10 ? CRITICAL_9 : CRITICAL_19);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 250, 0, 0.9",
    "0, 250, 0.3, 0.35",
    "0, 250, 0.8, 0.85",
    "0, 250, 1, 0.99",
    "333, 667, 0.5, 0.55",
    "333, 667, 0.8, 0.2", // the follow-up's code states the complement
    "990, 1000, 0.8, 0.83",
    "990, 1000, 0.05, 0",
    "100, 101, 0.5, 0.54"
  })
  void shouldDrawTheDistributionThatPAsksFor(int low, int high, double p, double wrongP) {
    TimestepRange range = new TimestepRange(low, high);
    boolean narrow = high - low < 10; // cells without a timestep
    for (boolean antithetic : new boolean[] {false, true}) {
      TimestepSampler sampler = new TimestepSampler(range, T, p, antithetic);
      for (int position = 0; position < 2; position++) {
        int[] counts = counts(sampler, 17, position);
        if (narrow) {
          double expected = PAIRS * probability(range, p, low);
          double deviation = Math.sqrt(expected * (1 - expected / PAIRS));
          assertThat(Math.abs(counts[low] - expected)).isLessThan(3.3 * deviation);
        } else {
          assertThat(fits(counts, range, p)).as("p %s antithetic %s", p, antithetic).isTrue();
          // Negative control: the test tells other probabilities apart.
          assertThat(fits(counts, range, wrongP)).as("p %s for %s", wrongP, p).isFalse();
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void shouldDrawUniformlyWhenTheRangeIsAll(boolean antithetic) {
    TimestepRange all = new TimestepRange(0, T);
    int[] counts = counts(new TimestepSampler(all, T, 0.8, antithetic), 5, 1);
    assertThat(fits(counts, all, 1)).isTrue();
    TimestepSampler half = new TimestepSampler(new TimestepRange(0, 500), T, 0.1, antithetic);
    assertThat(fits(counts(half, 5, 1), all, 1)).isFalse();
  }

  @Test
  void shouldMirrorEachPairInTheRangeItCameFromWhenAntithetic() {
    TimestepRange range = new TimestepRange(200, 300);
    TimestepSampler sampler = new TimestepSampler(range, T, 0.6, true);
    TimestepSampler plain = new TimestepSampler(range, T, 0.6);
    SeededRandom random = new SeededRandom(3);
    int own = 0;
    int general = 0;
    for (int i = 0; i < 4000; i++) {
      int step = i / 4;
      int position = 2 * (i % 4);
      int t = sampler.draw(random, step, position);
      int mirrored = sampler.draw(random, step, position + 1);
      assertThat(t).isEqualTo(plain.draw(random, step, position));
      assertThat(t + mirrored).isIn(499, 999); // low + high - 1 of the range, and of [0, T)
      own += t + mirrored == 499 ? 1 : 0;
      general += t + mirrored == 999 ? 1 : 0;
      assertThat(sampler.draw(new SeededRandom(3), step, position + 1)).isEqualTo(mirrored);
    }
    assertThat(own / 4000.0).isBetween(0.57, 0.63);
    assertThat(general / 4000.0).isBetween(0.37, 0.43);
  }

  /** Every batch is of one kind, and p of all batches are of the student's range. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void shouldDrawTheRangeOfAWholeBatchTogetherWhenAsked(boolean antithetic) {
    TimestepRange range = new TimestepRange(100, 101); // [0, T) hits it in one of T draws
    double p = 0.8;
    TimestepSampler sampler =
        new TimestepSampler(range, T, p, antithetic, StudentsSpec.RangeDraw.BATCH);
    TimestepSampler each = new TimestepSampler(range, T, p, antithetic);
    SeededRandom random = new SeededRandom(5);
    int steps = 4000;
    int own = 0;
    int mixed = 0;
    for (int step = 0; step < steps; step++) {
      int inRange = 0;
      int eachInRange = 0;
      for (int position = 0; position < 16; position++) {
        inRange += range.contains(sampler.draw(random, step, position)) ? 1 : 0;
        eachInRange += range.contains(each.draw(random, step, position)) ? 1 : 0;
      }
      assertThat(inRange == 16 || inRange < 4).as("step %d: %d", step, inRange).isTrue();
      own += inRange == 16 ? 1 : 0;
      mixed += eachInRange >= 4 && eachInRange < 16 ? 1 : 0;
    }
    assertThat(Math.abs(own - steps * p)).isLessThan(3.3 * Math.sqrt(steps * p * (1 - p)));
    assertThat(mixed).isGreaterThan(steps / 2); // negative control
  }
}
