package dev.atelier.merging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpecBuilder;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.MergingActivities.Measure;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.StartRef;
import dev.atelier.workflows.StatisticsRef;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What may be merged, and who may own what. */
class MergingTasksTest {

  private static final StartRef START = new StartRef("starts/a", "a".repeat(64));
  private static final StartRef OTHER_START = new StartRef("starts/b", "b".repeat(64));
  private static final Measure MEASURE =
      new Measure(
          new DatasetRef("d".repeat(64), 100, 16, 3, 0, 0),
          DiffusionSpec.DEFAULTS,
          EvaluationSpecBuilder.builder().build(),
          new ExtractorRef("random-conv", "extractors/x.pt", "e".repeat(64)),
          new StatisticsRef("statistics/x", "f".repeat(64), 100));

  private static NetworkSpec network(int channels, double dropout) {
    return new NetworkSpec(channels, List.of(1, 2), 1, List.of(8), 1, dropout, Optional.empty());
  }

  private static ModelRef model(ModelKey key, int low, int high, NetworkSpec network) {
    return new ModelRef(
        key,
        Optional.of(network),
        new TimestepRange(low, high),
        key + "/manifest.json",
        "0".repeat(64),
        10);
  }

  private static ModelRef student(int k, NetworkSpec network) {
    return model(ModelKey.student(k), (k - 1) * 250, k * 250, network);
  }

  private static Joining merge(MergeSpec.Kind kind, ModelRef... students) {
    return new Joining(
        "e",
        0,
        new MergeSpec(kind, List.of(), Optional.empty(), Optional.empty(), null, null),
        MEASURE,
        List.of(students));
  }

  @Test
  void shouldMergeStudentsOfOneNetworkAndStart() {
    assertThat(
            merge(
                    MergeSpec.Kind.AVERAGE,
                    student(1, network(16, 0)).startedFrom(START),
                    student(2, network(16, 0.1)).startedFrom(START))
                .refusal())
        .isEmpty();
  }

  @Test
  void shouldSayThatStudentsOfDifferentNetworksCannotBeMerged() {
    assertThat(
            merge(
                    MergeSpec.Kind.GREEDY,
                    student(1, network(16, 0)),
                    student(2, network(16, 0)),
                    student(3, network(24, 0)))
                .refusal())
        .contains(
            "Students of different networks cannot be merged: expected the network of student-1 for all, found another for student-3.");
  }

  @Test
  void shouldSayThatStudentsOfDifferentStartsCannotBeAveragedButMayBeMergedGreedily() {
    ModelRef one = student(1, network(16, 0)).startedFrom(START);
    ModelRef two = student(2, network(16, 0)).startedFrom(OTHER_START);
    assertThat(merge(MergeSpec.Kind.TASK_ARITHMETIC, one, two).refusal())
        .contains(
            "Students that did not start from the same weights cannot be merged by task-arithmetic: student-1 and student-2 differ. Greedy merging, which measures what each merge costs, can try them.");
    assertThat(merge(MergeSpec.Kind.AVERAGE, one, two).refusal()).isPresent();
    assertThat(merge(MergeSpec.Kind.GREEDY, one, two).refusal()).isEmpty();
  }

  @Test
  void shouldLetTheStudentItsNeighboursAndTheWholeRangeModelsOwnARange() {
    NetworkSpec network = network(16, 0);
    Searching task =
        new Searching(
            "e",
            0,
            new ScheduleSearchSpec(5, 8),
            MEASURE,
            model(ModelKey.TEACHER, 0, 1000, network),
            List.of(
                student(1, network), student(2, network), student(3, network), student(4, network)),
            List.of(model(ModelKey.ONE_TO_ONE, 0, 1000, network)));
    assertThat(task.options())
        .containsExactly(
            List.of("student-1", "student-2", "teacher", "one-to-one"),
            List.of("student-1", "student-2", "student-3", "teacher", "one-to-one"),
            List.of("student-2", "student-3", "student-4", "teacher", "one-to-one"),
            List.of("student-3", "student-4", "teacher", "one-to-one"));
  }

  @Test
  void shouldShowNeighbouringRangesOfOneOwnerAsOne() {
    List<TimestepRange> ranges =
        List.of(
            new TimestepRange(0, 300), new TimestepRange(300, 600), new TimestepRange(600, 1000));
    assertThat(Searching.joined(ranges, List.of("teacher", "teacher", "student-3")))
        .containsExactly(new Owner(0, 600, "teacher"), new Owner(600, 1000, "student-3"));
    assertThat(Searching.joined(ranges, List.of("teacher", "student-2", "teacher"))).hasSize(3);
  }
}
