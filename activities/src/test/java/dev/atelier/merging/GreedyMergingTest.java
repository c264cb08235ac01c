package dev.atelier.merging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.merging.GreedyMerging.Bounds;
import dev.atelier.merging.GreedyMerging.End;
import dev.atelier.merging.GreedyMerging.Result;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class GreedyMergingTest {

  private static final double[] PLACES = {0, 1, 1.5, 7}; // of four students on a line

  /** 10, and each group's spread: neighbours that are alike cost little. */
  private static double distance(List<List<Integer>> groups) {
    double distance = 10;
    for (List<Integer> group : groups) {
      distance += PLACES[group.get(group.size() - 1)] - PLACES[group.get(0)];
    }
    return distance;
  }

  private static Result merge(long budget, double largestIncrease, int evaluations)
      throws IOException {
    return GreedyMerging.merge(
        4, 100, new Bounds(budget, largestIncrease, evaluations), GreedyMergingTest::distance);
  }

  @Test
  void shouldJoinTheNeighboursThatCostLeastUntilTheBudgetIsMet() throws IOException {
    Result three = merge(300, Double.POSITIVE_INFINITY, 100);
    assertThat(three.merged().groups()).containsExactly(List.of(0), List.of(1, 2), List.of(3));
    assertThat(three.merged().distance()).isEqualTo(10.5);
    assertThat(three.end()).isEqualTo(End.BUDGET_MET);
    assertThat(three.candidates()).hasSize(1 + 3);

    Result two = merge(250, Double.POSITIVE_INFINITY, 100);
    assertThat(two.merged().groups()).containsExactly(List.of(0, 1, 2), List.of(3));
    assertThat(two.candidates()).hasSize(1 + 3 + 2);
  }

  @Test
  void shouldFallBackToUnmergedWhenAJoinCostsMoreThanTheBound() throws IOException {
    Result result = merge(100, 2, 100);
    assertThat(result.merged().groups()).containsExactly(List.of(0, 1, 2), List.of(3));
    assertThat(result.end()).isEqualTo(End.TOO_COSTLY);

    Result none = merge(100, 0.1, 100);
    assertThat(none.merged().groups()).hasSize(4);
    assertThat(none.merged().distance()).isEqualTo(10);
  }

  @Test
  void shouldMergeNothingWhenTheBudgetHoldsAll() throws IOException {
    Result result = merge(400, 0, 100);
    assertThat(result.merged().groups()).hasSize(4);
    assertThat(result.end()).isEqualTo(End.BUDGET_MET);
    assertThat(result.candidates()).hasSize(1);
  }

  @Test
  void shouldEndWithOneModelWhenTheBudgetIsLessThanOne() throws IOException {
    Result result = merge(50, Double.POSITIVE_INFINITY, 100);
    assertThat(result.merged().groups()).containsExactly(List.of(0, 1, 2, 3));
    assertThat(result.end()).isEqualTo(End.ONE_LEFT);
  }

  @Test
  void shouldNotBeginARoundThatItsEvaluationsDoNotSufficeFor() throws IOException {
    Result result = merge(100, Double.POSITIVE_INFINITY, 5);
    assertThat(result.merged().groups()).hasSize(3);
    assertThat(result.end()).isEqualTo(End.EVALUATIONS_SPENT);
    assertThat(result.candidates()).hasSize(4);
  }

  @Test
  void shouldMakeNoJoinWhoseDistanceIsNoNumber() throws IOException {
    Result result =
        GreedyMerging.merge(
            2,
            100,
            new Bounds(100, Double.POSITIVE_INFINITY, 9),
            groups -> groups.size() == 2 ? 3 : Double.NaN);
    assertThat(result.merged().groups()).hasSize(2);
    assertThat(result.end()).isEqualTo(End.TOO_COSTLY);
  }
}
