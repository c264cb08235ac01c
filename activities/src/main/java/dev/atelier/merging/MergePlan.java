package dev.atelier.merging;

import java.util.List;
import java.util.Optional;

/**
 * What to join.
 *
 * @param groups students by number from 0 in each
 * @param weights of task arithmetic; absent: each student counts the same
 * @param end why greedy merging ended
 * @param candidates that were measured on the way
 */
record MergePlan(
    List<List<Integer>> groups,
    Optional<List<Double>> weights,
    Optional<GreedyMerging.End> end,
    List<Tried> candidates) {

  record Tried(String name, double distance) {}

  /** Everything into one, without a search. */
  static MergePlan ofAll(List<Integer> students, Optional<List<Double>> weights) {
    return new MergePlan(List.of(students), weights, Optional.empty(), List.of());
  }
}
