package dev.atelier.merging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.diffusion.SeededRandom;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WeightSearchTest {

  private static final List<Double> HERE = List.of(0.25, 0.25, 0.25, 0.25);
  private static final List<Double> BEST = List.of(0.1, 0.1, 0.2, 0.5); // as DeMe's

  private static double squares(List<Double> weights) {
    double sum = 0;
    for (int i = 0; i < weights.size(); i++) {
      sum += Math.pow(weights.get(i) - BEST.get(i), 2);
    }
    return sum;
  }

  private static WeightSearch.Result search(int evaluations, long seed) throws IOException {
    return WeightSearch.search(
        List.of(HERE), evaluations, new SeededRandom(seed), WeightSearchTest::squares);
  }

  @Test
  void shouldComeCloseToTheBestWeightsOfABowl() throws IOException {
    for (long seed = 0; seed < 5; seed++) {
      WeightSearch.Result result = search(150, seed);
      assertThat(result.best().distance()).isLessThan(squares(HERE) / 100);
      assertThat(result.candidates()).hasSize(150);
    }
  }

  @Test
  void shouldGiveTheBestOfItsCandidatesAndRepeatItselfForASeed() throws IOException {
    WeightSearch.Result result = search(20, 3);
    assertThat(result.candidates())
        .allSatisfy(c -> assertThat(c.distance()).isGreaterThanOrEqualTo(result.best().distance()))
        .contains(result.best());
    assertThat(search(20, 3)).isEqualTo(result);
    assertThat(search(20, 4)).isNotEqualTo(result);
  }

  @Test
  void shouldTryNoMoreThanItsBudgetAndTheStartsInOrder() throws IOException {
    List<List<Double>> asked = new ArrayList<>();
    List<List<Double>> starts = List.of(HERE, BEST, List.of(1.0, 0.0, 0.0, 0.0));
    WeightSearch.search(
        starts,
        2,
        new SeededRandom(0),
        weights -> {
          asked.add(weights);
          return 1;
        });
    assertThat(asked).containsExactly(HERE, BEST);
  }

  @Test
  void shouldNeverPreferWeightsWhoseDistanceIsNoNumber() throws IOException {
    WeightSearch.Result result =
        WeightSearch.search(
            List.of(HERE),
            10,
            new SeededRandom(1),
            weights -> weights.equals(HERE) ? 5 : Double.NaN);
    assertThat(result.best().weights()).isEqualTo(HERE);
  }
}
