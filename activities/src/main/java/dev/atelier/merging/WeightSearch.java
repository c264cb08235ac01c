package dev.atelier.merging;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the weights of task arithmetic by their distance: the best of some starts, and from there a
 * (1+1) evolution strategy whose step follows the 1/5 success rule. Rechenberg 1973; the form of
 * the rule is that of Kern et al. 2004, section 2.
 */
public final class WeightSearch {

  private static final double GROWTH = 1.5; // of the step after a success
  private static final double SHRINKING = Math.pow(GROWTH, -0.25); // four failures undo a success

  /** Weights that were tried, and the distance of the model that they make. */
  public record Candidate(List<Double> weights, double distance) {}

  /**
   * What was found.
   *
   * @param candidates all that were tried, in order
   */
  public record Result(Candidate best, List<Candidate> candidates) {}

  private WeightSearch() {}

  /**
   * Tries at most {@code evaluations} candidates, as many as there are.
   *
   * @param starts to begin with, all of one size; at least one
   * @param random the search is a pure function of it and the distances
   */
  public static Result search(
      List<List<Double>> starts,
      int evaluations,
      SeededRandom random,
      CandidateDistance<List<Double>> distance)
      throws IOException {
    if (starts.isEmpty() || evaluations < 1) {
      throw new IllegalArgumentException(
          "A search of weights needs a start and an evaluation, found %d and %d."
              .formatted(starts.size(), evaluations));
    }
    int size = starts.get(0).size();
    List<Candidate> tried = new ArrayList<>();
    Candidate best = new Candidate(starts.get(0), Double.POSITIVE_INFINITY);
    for (List<Double> start : starts.subList(0, Math.min(starts.size(), evaluations))) {
      Candidate candidate = evaluate(start, distance);
      tried.add(candidate);
      best = candidate.distance() < best.distance() ? candidate : best;
    }
    double step = 0.5 / size;
    while (tried.size() < evaluations) {
      SeededRandom.Stream stream = random.stream(Purpose.MERGE_WEIGHTS, tried.size(), 0);
      List<Double> weights = new ArrayList<>();
      for (double weight : best.weights()) {
        weights.add(weight + step * stream.nextGaussian());
      }
      Candidate candidate = evaluate(List.copyOf(weights), distance);
      tried.add(candidate);
      if (candidate.distance() < best.distance()) {
        best = candidate;
        step *= GROWTH;
      } else {
        step *= SHRINKING;
      }
    }
    return new Result(best, List.copyOf(tried));
  }

  private static Candidate evaluate(List<Double> weights, CandidateDistance<List<Double>> distance)
      throws IOException {
    double found = distance.of(weights);
    return new Candidate(weights, Double.isNaN(found) ? Double.POSITIVE_INFINITY : found);
  }
}
