package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Against NumPy (the fixture is made by src/test/python/extrapolated_fixture.py), and on Gaussians
 * whose distances are known: covariances share their axes, so that the distance is |m1 - m2|^2 +
 * sum of (root of variance 1 - root of variance 2)^2.
 */
class ExtrapolatedDistanceTest {

  private static final double TOTAL = 100; // sum of the variances
  private static final double ROOT_HALF = Math.sqrt(0.5);

  private static LinearAlgebra algebra;

  @BeforeAll
  static void load() {
    algebra = new LinearAlgebra();
  }

  @AfterAll
  static void close() {
    algebra.close();
  }

  /** One extrapolation of the fixture. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Case(String name, float[][] samples, double[] mean, double[] covariance, double distance) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Case> cases() throws IOException {
    try (InputStream json =
        ExtrapolatedDistanceTest.class.getResourceAsStream("/evaluation/extrapolated.json")) {
      return Arrays.asList(new ObjectMapper().readValue(json, Case[].class));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void shouldEqualNumpyWhateverTheBatches(Case c) {
    ExtrapolatedDistance to =
        new ExtrapolatedDistance(new Gaussian(c.mean(), c.covariance()), algebra);
    for (int batch : new int[] {1, 7, c.samples().length}) {
      ExtrapolatedDistance.Gathering features = to.gather(c.samples().length);
      for (int first = 0; first < c.samples().length; first += batch) {
        features.add(
            flat(
                Arrays.copyOfRange(
                    c.samples(), first, Math.min(first + batch, c.samples().length))));
      }
      assertThat(features.distance()).isCloseTo(c.distance(), withinPercentage(1e-4));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "32, 0, 64",
    "32, 1, 128",
    "192, 1, 193",
    "192, 1, 256",
    "192, 0, 400",
    "512, 1, 600"
  })
  void shouldRankGaussiansAsTheirTrueDistancesDo(int dimension, int power, int samples) {
    double[] variances = variances(dimension, power);
    ExtrapolatedDistance to = new ExtrapolatedDistance(gaussian(variances), algebra);
    double perfect = extrapolated(to, variances, 1, 0, samples);
    double shifted = extrapolated(to, variances, 1, 2, samples); // at distance 2² = 4
    double halved = extrapolated(to, variances, ROOT_HALF, 0, samples);

    double trueHalved = TOTAL * (1 - ROOT_HALF) * (1 - ROOT_HALF); // 8.58
    assertThat(perfect).isLessThan(shifted);
    assertThat(shifted).isLessThan(halved);
    assertThat(halved - perfect).isCloseTo(trueHalved, withinPercentage(35));
  }

  @Tag("slow")
  @Test
  void shouldRankTwoThousandFeaturesByAsManySamplesWhereTheSampledDistanceOf256Errs() {
    int dimension = 2048;
    double[] variances = variances(dimension, 1);
    ExtrapolatedDistance to = new ExtrapolatedDistance(gaussian(variances), algebra);
    assertThat(extrapolated(to, variances, 1, 0, dimension + 1))
        .isLessThan(extrapolated(to, variances, ROOT_HALF, 0, dimension + 1));

    double perfect = sampled(variances, 1, 256);
    double halved = sampled(variances, ROOT_HALF, 256);
    assertThat(perfect).isCloseTo(53.6, within(1.5));
    assertThat(halved).isCloseTo(46.6, within(1.5)); // the worse candidate would win
  }

  @Test
  void shouldRefuseSamplesThatCannotRank() {
    assertThatThrownBy(() -> ExtrapolatedDistance.requireEnough("merge.samples", 256, 2048))
        .isInstanceOf(EvaluationException.class)
        .hasMessage(
            "merge.samples must be at least 2049, as fewer images cannot rank candidates by 2048 features, found 256.");
    assertThatThrownBy(() -> ExtrapolatedDistance.requireEnough("search.samples", 63, 3))
        .hasMessageContaining("at least 64");
    ExtrapolatedDistance.requireEnough("search.samples", 64, 63);
    assertThatThrownBy(() -> ExtrapolatedDistance.requireEnough("search.samples", 64, 64))
        .hasMessageContaining("at least 65");
  }

  @Test
  void shouldRefuseADistanceOfOtherSamplesThanWereAnnounced() {
    ExtrapolatedDistance.Gathering features =
        new ExtrapolatedDistance(gaussian(new double[] {1, 1}), algebra).gather(64);
    features.add(new float[2 * 63]);
    assertThat(features.complete()).isFalse();
    assertThatThrownBy(features::distance)
        .hasMessageContaining("64 images")
        .hasMessageContaining("found 63");
    assertThatThrownBy(() -> features.add(new float[4])).hasMessageContaining("found 65");
  }

  /** In proportion to i^-power, with the sum {@link #TOTAL}. */
  private static double[] variances(int dimension, int power) {
    double[] variances = new double[dimension];
    Arrays.setAll(variances, i -> Math.pow(i + 1, -power));
    double sum = Arrays.stream(variances).sum();
    Arrays.setAll(variances, i -> variances[i] * TOTAL / sum);
    return variances;
  }

  private static Gaussian gaussian(double[] variances) {
    int d = variances.length;
    double[] covariance = new double[d * d];
    for (int i = 0; i < d; i++) {
      covariance[i * d + i] = variances[i];
    }
    return new Gaussian(new double[d], covariance);
  }

  /** Features of a Gaussian, [n, D]: standard deviations times {@code factor}, mean (shift, 0…). */
  private static float[] draw(double[] variances, double factor, double shift, int samples) {
    int d = variances.length;
    float[] features = new float[samples * d];
    // Each candidate has its own draws: nothing cancels.
    new SeededRandom(Double.hashCode(factor + shift))
        .stream(Purpose.NOISE, samples, 0).gaussians(features, 0, features.length);
    for (int i = 0; i < features.length; i++) {
      features[i] *= (float) (factor * Math.sqrt(variances[i % d]));
      features[i] += (float) (i % d == 0 ? shift : 0);
    }
    return features;
  }

  private static double extrapolated(
      ExtrapolatedDistance to, double[] variances, double factor, double shift, int samples) {
    ExtrapolatedDistance.Gathering features = to.gather(samples);
    features.add(draw(variances, factor, shift, samples));
    return features.distance();
  }

  private static double sampled(double[] variances, double factor, int samples) {
    return FrechetDistance.between(
        gaussian(variances),
        algebra.statistics(draw(variances, factor, 0, samples), variances.length).gaussian(),
        algebra);
  }

  private static float[] flat(float[][] rows) {
    int d = rows[0].length;
    float[] flat = new float[rows.length * d];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, flat, i * d, d);
    }
    return flat;
  }
}
