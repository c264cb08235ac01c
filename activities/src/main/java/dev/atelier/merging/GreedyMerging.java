package dev.atelier.merging;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Joins neighbouring students until their weights fit a memory budget, each time the neighbours
 * whose join gives the least distance; a join that costs too much is not made.
 */
public final class GreedyMerging {

  /** Why it ended. */
  public enum End {
    BUDGET_MET,
    TOO_COSTLY, // every join would raise the distance by more than the bound
    EVALUATIONS_SPENT,
    ONE_LEFT // the budget is less than one model
  }

  /** Groups of neighbouring students, by number from 0, and the distance of their ensemble. */
  public record Candidate(List<List<Integer>> groups, double distance) {

    /** The memory of one model per group. */
    long bytes(long bytesPerModel) {
      return groups.size() * bytesPerModel;
    }
  }

  /**
   * What was found.
   *
   * @param candidates all that were tried, in order; the first is the students unmerged
   */
  public record Result(Candidate merged, End end, List<Candidate> candidates) {}

  /**
   * When to stop.
   *
   * @param budgetBytes of resident weights
   * @param largestIncrease of the distance by one join
   * @param evaluations of the distance in all; a round of joins that they don't suffice for is not
   *     begun
   */
  public record Bounds(long budgetBytes, double largestIncrease, int evaluations) {}

  private GreedyMerging() {}

  /**
   * Merges {@code students} models of {@code bytesPerModel} each.
   *
   * @param distance of an ensemble with one merged model per group
   */
  public static Result merge(
      int students,
      long bytesPerModel,
      Bounds bounds,
      CandidateDistance<List<List<Integer>>> distance)
      throws IOException {
    List<List<Integer>> single = new ArrayList<>();
    for (int i = 0; i < students; i++) {
      single.add(List.of(i));
    }
    Candidate now = evaluate(List.copyOf(single), distance);
    List<Candidate> tried = new ArrayList<>(List.of(now));
    while (now.bytes(bytesPerModel) > bounds.budgetBytes()) {
      int joins = now.groups().size() - 1;
      if (joins == 0) {
        return new Result(now, End.ONE_LEFT, List.copyOf(tried));
      }
      if (tried.size() + joins > bounds.evaluations()) {
        return new Result(now, End.EVALUATIONS_SPENT, List.copyOf(tried));
      }
      Candidate best = new Candidate(List.of(), Double.POSITIVE_INFINITY);
      for (int i = 0; i < joins; i++) {
        Candidate joined = evaluate(joined(now.groups(), i), distance);
        tried.add(joined);
        best = joined.distance() < best.distance() ? joined : best;
      }
      if (best.groups().isEmpty() || best.distance() - now.distance() > bounds.largestIncrease()) {
        return new Result(now, End.TOO_COSTLY, List.copyOf(tried));
      }
      now = best;
    }
    return new Result(now, End.BUDGET_MET, List.copyOf(tried));
  }

  /** The groups with the {@code i}-th and the one after it as one. */
  private static List<List<Integer>> joined(List<List<Integer>> groups, int i) {
    List<List<Integer>> joined = new ArrayList<>(groups.subList(0, i));
    List<Integer> both = new ArrayList<>(groups.get(i));
    both.addAll(groups.get(i + 1));
    joined.add(List.copyOf(both));
    joined.addAll(groups.subList(i + 2, groups.size()));
    return List.copyOf(joined);
  }

  private static Candidate evaluate(
      List<List<Integer>> groups, CandidateDistance<List<List<Integer>>> distance)
      throws IOException {
    double found = distance.of(groups);
    return new Candidate(groups, Double.isNaN(found) ? Double.POSITIVE_INFINITY : found);
  }
}
