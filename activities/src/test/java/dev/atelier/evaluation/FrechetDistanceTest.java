package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Against SciPy; the fixture is made by src/test/python/frechet_fixture.py. */
class FrechetDistanceTest {

  private static LinearAlgebra algebra;

  /** One comparison of the fixture. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Case(
      String name, float[][] a, float[][] b, double[] mean, double[] covariance, double distance) {
    @Override
    public String toString() {
      return name;
    }
  }

  @BeforeAll
  static void load() {
    algebra = new LinearAlgebra();
  }

  @AfterAll
  static void close() {
    algebra.close();
  }

  static List<Case> cases() throws IOException {
    try (InputStream json =
        FrechetDistanceTest.class.getResourceAsStream("/evaluation/frechet.json")) {
      return Arrays.asList(new ObjectMapper().readValue(json, Case[].class));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void shouldEqualScipy(Case c) {
    FeatureStatistics a = statistics(c.a());
    for (int i = 0; i < c.mean().length; i++) {
      assertThat(a.mean()[i]).isCloseTo(c.mean()[i], within(1e-9));
    }
    for (int i = 0; i < c.covariance().length; i++) {
      assertThat(a.covariance()[i]).isCloseTo(c.covariance()[i], within(1e-9));
    }
    // Rank-deficient products have eigenvalues at rounding level, whose roots differ by method.
    double percent = c.name().startsWith("fewer") ? 1e-3 : 1e-4;
    assertThat(FrechetDistance.between(a.gaussian(), statistics(c.b()).gaussian(), algebra))
        .isCloseTo(c.distance(), withinPercentage(percent));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void shouldGiveTheSameStatisticsWhenMergedFromShards(Case c) {
    FeatureStatistics merged = new FeatureStatistics(c.mean().length);
    for (float[] row : c.a()) {
      merged.merge(statistics(new float[][] {row}));
    }
    FeatureStatistics whole = statistics(c.a());
    assertThat(merged.count()).isEqualTo(whole.count());
    for (int i = 0; i < c.covariance().length; i++) {
      assertThat(merged.covariance()[i]).isCloseTo(whole.covariance()[i], within(1e-9));
    }
  }

  @Test
  void shouldBeZeroWhenStatisticsAreEqual() throws IOException {
    for (Case c : cases()) {
      assertThat(
              FrechetDistance.between(
                  statistics(c.a()).gaussian(), statistics(c.a()).gaussian(), algebra))
          .isCloseTo(0, within(1e-5));
    }
  }

  @Test
  void shouldRefuseStatisticsOfAnotherExtractorAndOfOneImage() throws IOException {
    FeatureStatistics five = statistics(cases().get(0).a());
    FeatureStatistics four = statistics(cases().get(1).a());
    assertThatThrownBy(() -> FrechetDistance.between(five.gaussian(), four.gaussian(), algebra))
        .hasMessageContaining("5 features")
        .hasMessageContaining("of 4");
    FeatureStatistics one = statistics(new float[][] {{1, 2, 3, 4, 5}});
    assertThatThrownBy(one::gaussian).hasMessageContaining("at least 2 images, found 1");
  }

  private static FeatureStatistics statistics(float[][] rows) {
    int d = rows[0].length;
    float[] flat = new float[rows.length * d];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, flat, i * d, d);
    }
    return algebra.statistics(flat, d);
  }
}
