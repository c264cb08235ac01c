package dev.atelier.assignment;

import dev.atelier.spec.AssignmentSpec.Signal;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.Visits;
import java.util.ArrayList;
import java.util.List;

/**
 * How far each bin of timesteps is from the next: entry i of a list belongs to the bins i and i +
 * 1.
 *
 * @param bins they cover [0, T)
 * @param images that were looked at in every bin
 * @param inputFrechet Fréchet distance (a square) of pixels of x_t
 * @param featureFrechet Fréchet distance of mid-block features; empty: the teacher has none
 * @param featureCka linear CKA of mid-block features, 1 for equal ones; empty likewise
 */
public record DriftCurve(
    List<TimestepRange> bins,
    int images,
    List<Double> inputFrechet,
    List<Double> featureFrechet,
    List<Double> featureCka) {

  public DriftCurve {
    bins = List.copyOf(bins);
    inputFrechet = List.copyOf(inputFrechet);
    featureFrechet = List.copyOf(featureFrechet);
    featureCka = List.copyOf(featureCka);
  }

  /**
   * The curve as lengths: the root of a Fréchet distance, which is the Wasserstein-2 distance of
   * the two Gaussians, or the angle arccos(CKA), Williams et al. 2021, "Generalized Shape Metrics
   * on Neural Representations". Both are metrics, so that lengths along the curve may be added.
   */
  public double[] lengths(Signal signal) {
    return switch (signal) {
      case INPUT -> inputFrechet.stream().mapToDouble(Math::sqrt).toArray();
      case FEATURE -> featureFrechet.stream().mapToDouble(Math::sqrt).toArray();
      case CKA ->
          featureCka.stream().mapToDouble(c -> Math.acos(Math.max(-1, Math.min(1, c)))).toArray();
    };
  }

  /**
   * These lengths as a sampler goes along them: each counts as often as steps fall on the bins at
   * its ends, in the mean of both, over the mean of all bins. A stretch that no step visits counts
   * nothing; steps that are spread evenly change nothing.
   *
   * @param visited timesteps of the sampler, at least one
   */
  public double[] weighted(double[] lengths, List<Integer> visited) {
    double meanVisits = (double) visited.size() / bins.size();
    double[] weighted = new double[lengths.length];
    for (int i = 0; i < lengths.length; i++) {
      int visits = Visits.in(bins.get(i), visited) + Visits.in(bins.get(i + 1), visited);
      weighted[i] = lengths[i] * visits / 2 / meanVisits;
    }
    return weighted;
  }

  /** The bins of each range whose first bin follows the end of the one before it. */
  public List<TimestepRange> ranges(List<Integer> ends) {
    List<TimestepRange> ranges = new ArrayList<>();
    int first = 0;
    for (int end : ends) {
      ranges.add(new TimestepRange(bins.get(first).low(), bins.get(end - 1).high()));
      first = end;
    }
    return List.copyOf(ranges);
  }

  /** [0, {@code timesteps}) in {@code count} parts that are equal but for rounding. */
  public static List<TimestepRange> equalBins(int timesteps, int count) {
    List<TimestepRange> bins = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      bins.add(
          new TimestepRange(
              (int) ((long) timesteps * i / count), (int) ((long) timesteps * (i + 1) / count)));
    }
    return List.copyOf(bins);
  }
}
