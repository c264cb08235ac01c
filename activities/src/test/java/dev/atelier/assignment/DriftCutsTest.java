package dev.atelier.assignment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.spec.AssignmentSpec.Signal;
import dev.atelier.spec.TimestepRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DriftCutsTest {

  @Test
  void shouldBeAsGoodAsTheBestOfAllCutsWhenDriftsAreRandom() {
    Random random = new Random(3);
    for (int trial = 0; trial < 200; trial++) {
      int bins = 1 + random.nextInt(9);
      int ranges = 1 + random.nextInt(bins);
      double[] drift = random.doubles(bins - 1).map(d -> d < 0.2 ? 0 : d * d).toArray();

      List<Integer> found = DriftCuts.optimal(drift, ranges);

      double best = Double.POSITIVE_INFINITY;
      for (List<Integer> cuts : all(1, bins, ranges)) {
        best = Math.min(best, cost(drift, cuts));
      }
      assertThat(found).hasSize(ranges).isSorted().doesNotHaveDuplicates().endsWith(bins);
      assertThat(cost(drift, found)).isCloseTo(best, within(1e-12));
      assertThat(DriftCuts.total(drift, found)).isCloseTo(best, within(1e-12));
    }
  }

  /** Every way to end {@code ranges} ranges at bins of which the last is {@code bins}. */
  private static List<List<Integer>> all(int first, int bins, int ranges) {
    if (ranges == 1) {
      return List.of(List.of(bins));
    }
    List<List<Integer>> all = new ArrayList<>();
    for (int end = first; end <= bins - ranges + 1; end++) {
      for (List<Integer> rest : all(end + 1, bins, ranges - 1)) {
        List<Integer> cuts = new ArrayList<>(List.of(end));
        cuts.addAll(rest);
        all.add(cuts);
      }
    }
    return all;
  }

  /** The definition, word by word: the square of the sum of the drifts between bins of a range. */
  private static double cost(double[] drift, List<Integer> ends) {
    double total = 0;
    int low = 0;
    for (int end : ends) {
      double way = 0;
      for (int i = low; i + 1 < end; i++) {
        way += drift[i];
      }
      total += way * way;
      low = end;
    }
    return total;
  }

  @Test
  void shouldCutAtTheJumpsWhenAllElseIsEqual() {
    assertThat(DriftCuts.optimal(new double[] {1, 1, 9, 1, 1, 9, 1}, 3)).containsExactly(3, 6, 8);
  }

  @Test
  void shouldCutIntoEqualPartsWhenDriftIsConstant() {
    double[] drift = new double[11];
    Arrays.fill(drift, 1.0);
    assertThat(DriftCuts.optimal(drift, 4)).containsExactly(3, 6, 9, 12);
    assertThat(DriftCuts.uniform(12, 4)).containsExactly(3, 6, 9, 12);
  }

  @Test
  void shouldRefuseMoreRangesThanBinsAndDriftThatIsNoNumber() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DriftCuts.optimal(new double[] {1}, 3))
        .withMessage("2 bins cannot be cut into 3 ranges.");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> DriftCuts.optimal(new double[] {1, Double.NaN}, 2))
        .withMessageContaining("NaN");
  }

  @Test
  void shouldTurnEndsIntoRangesOfTimesteps() {
    List<TimestepRange> bins = DriftCurve.equalBins(10, 4);
    assertThat(bins)
        .containsExactly(
            new TimestepRange(0, 2),
            new TimestepRange(2, 5),
            new TimestepRange(5, 7),
            new TimestepRange(7, 10));
    DriftCurve curve =
        new DriftCurve(bins, 8, List.of(4.0, 0.0, 9.0), List.of(), List.of(1.0, 0.0, 0.5));
    assertThat(curve.ranges(List.of(1, 4)))
        .containsExactly(new TimestepRange(0, 2), new TimestepRange(2, 10));
    assertThat(curve.lengths(Signal.INPUT)).containsExactly(2, 0, 3);
    assertThat(curve.lengths(Signal.CKA))
        .containsExactly(new double[] {0, Math.PI / 2, Math.PI / 3}, within(1e-12));
  }

  @Test
  void shouldCountDriftAsOftenAsStepsFallOnItWhenVisitsWeigh() {
    DriftCurve curve =
        new DriftCurve(DriftCurve.equalBins(8, 4), 8, List.of(1.0, 1.0, 1.0), List.of(), List.of());
    double[] lengths = {1, 2, 4};
    // Visits of the bins: 3, 1, 0, 0; their mean is 1.
    double[] weighted = curve.weighted(lengths, List.of(0, 1, 1, 3));
    assertThat(weighted).containsExactly(2, 1, 0);
    assertThat(DriftCuts.optimal(lengths, 2)).containsExactly(3, 4);
    assertThat(DriftCuts.optimal(weighted, 2)).containsExactly(1, 4);
    assertThat(curve.weighted(lengths, List.of(0, 2, 4, 6))).containsExactly(lengths);
  }
}
