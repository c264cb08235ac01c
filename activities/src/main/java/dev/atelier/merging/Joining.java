package dev.atelier.merging;

import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.SpecWord;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.Models;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.MergingActivities.Merge;
import dev.atelier.workflows.ModelRef;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** {@link Merge} with the students themselves, in order of their ranges. */
record Joining(
    String experimentId, long seed, MergeSpec merge, Measure measure, List<ModelRef> students) {

  static Joining of(Merge task, List<ModelRef> students) {
    return new Joining(task.experimentId(), task.seed(), task.merge(), task.measure(), students);
  }

  /** Why these students can't be merged. */
  Optional<String> refusal() {
    ModelRef first = students.get(0);
    for (ModelRef other : students) {
      if (!computeTheSame(first, other)) {
        return Optional.of(
            "Students of different networks cannot be merged: expected the network of %s for all, found another for %s."
                .formatted(first.key(), other.key()));
      }
      boolean needsStart = merge.kind() != MergeSpec.Kind.GREEDY;
      if (needsStart && (first.start().isEmpty() || !first.start().equals(other.start()))) {
        return Optional.of(
            "Students that did not start from the same weights cannot be merged by %s: %s and %s differ. Greedy merging, which measures what each merge costs, can try them."
                .formatted(SpecWord.of(merge.kind()), first.key(), other.key()));
      }
    }
    return Optional.empty();
  }

  private boolean computeTheSame(ModelRef one, ModelRef other) {
    return one.network().isPresent()
        && other.network().isPresent()
        && Models.network(one.network().get(), measure.dataset())
            .computesAs(Models.network(other.network().get(), measure.dataset()));
  }

  TimestepRange whole() {
    return new TimestepRange(0, measure.diffusion().timesteps());
  }

  /** Of the students of {@code group}, which are neighbours. */
  TimestepRange rangeOf(List<Integer> group) {
    return new TimestepRange(
        students.get(group.get(0)).range().low(),
        students.get(group.get(group.size() - 1)).range().high());
  }

  /** The latest of the students of {@code group}. */
  int stepOf(List<Integer> group) {
    return group.stream().mapToInt(i -> students.get(i).step()).max().orElseThrow();
  }

  /** Such as {@code student-1+student-2, student-3}. */
  String named(List<List<Integer>> groups) {
    return groups.stream()
        .map(
            group ->
                group.stream()
                    .map(i -> students.get(i).key().value())
                    .collect(Collectors.joining("+")))
        .collect(Collectors.joining(", "));
  }

  Prediction predicted() {
    return measure.diffusion().studentsPredict();
  }

  /** How far predictions of merged students are led on in sampling. */
  double guidance() {
    return measure.distilledGuidance() ? 1 : measure.evaluation().guidance().orElse(1.0);
  }
}
