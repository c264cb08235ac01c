package dev.atelier.assignment;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Cuts a row of bins into ranges with the least drift within them.
 *
 * <p>The drift between two neighbouring bins is a length (see {@link DriftCurve}), so that the sum
 * of the drifts inside a range is the length of the way that the distribution goes within it, and
 * bounds the distance between any two of its bins. The cost of a range is the square of that sum;
 * the drift across a boundary costs nothing. The square makes one long way cost more than two
 * halves of it: without it, the best cuts would only lift out the N - 1 steepest places, however
 * long the ranges between them. Dynamic programming (Bellman 1961, "On the approximation of curves
 * by line segments using dynamic programming") finds the least sum of costs in O(students · bins²).
 */
public final class DriftCuts {

  private DriftCuts() {}

  /**
   * The first bin of each range but the first, and the number of bins at the end: one entry per
   * range. Of equally good cuts, those with the smallest last boundaries are taken.
   *
   * @param drift between bin i and bin i + 1, not negative; one fewer than there are bins
   * @param ranges wanted, each of at least one bin
   * @throws IllegalArgumentException if there are fewer bins than ranges, or a drift is no number
   */
  public static List<Integer> optimal(double[] drift, int ranges) {
    int bins = drift.length + 1;
    if (ranges < 1 || ranges > bins) {
      throw new IllegalArgumentException(
          "%d bins cannot be cut into %d ranges.".formatted(bins, ranges));
    }
    if (!Arrays.stream(drift).allMatch(d -> d >= 0 && Double.isFinite(d))) {
      throw new IllegalArgumentException(
          "A drift must be a number of at least 0, found %s.".formatted(Arrays.toString(drift)));
    }
    double[] way = way(drift);
    double[] best = new double[bins + 1]; // of the first e bins in k ranges
    int[][] start = new int[ranges + 1][bins + 1]; // of the last of these ranges
    for (int end = 1; end <= bins; end++) {
      best[end] = cost(way, 0, end);
    }
    for (int k = 2; k <= ranges; k++) {
      double[] next = new double[bins + 1];
      for (int end = k; end <= bins; end++) {
        next[end] = Double.POSITIVE_INFINITY;
        for (int low = k - 1; low < end; low++) {
          double total = best[low] + cost(way, low, end);
          if (total < next[end]) {
            next[end] = total;
            start[k][end] = low;
          }
        }
      }
      best = next;
    }
    List<Integer> ends = new ArrayList<>();
    int end = bins;
    for (int k = ranges; k >= 1; k--) {
      ends.add(0, end);
      end = start[k][end];
    }
    return List.copyOf(ends);
  }

  /** The ends of ranges of equally many bins, but for rounding. */
  public static List<Integer> uniform(int bins, int ranges) {
    return IntStream.rangeClosed(1, ranges)
        .mapToObj(k -> (int) ((long) bins * k / ranges))
        .toList();
  }

  /** Cost of all ranges, which end at {@code ends}. */
  public static double total(double[] drift, List<Integer> ends) {
    double[] way = way(drift);
    double total = 0;
    int low = 0;
    for (int end : ends) {
      total += cost(way, low, end);
      low = end;
    }
    return total;
  }

  /** Length of the way from bin 0 to each bin. */
  private static double[] way(double[] drift) {
    double[] way = new double[drift.length + 1];
    for (int i = 0; i < drift.length; i++) {
      way[i + 1] = way[i] + drift[i];
    }
    return way;
  }

  /** Cost of the bins [low, end): the square of the way within them. */
  private static double cost(double[] way, int low, int end) {
    double within = way[end - 1] - way[low];
    return within * within;
  }
}
