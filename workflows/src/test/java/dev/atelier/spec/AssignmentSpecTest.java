package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.AssignmentSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AssignmentSpecTest {

  private static final SamplerSpec QUAD = new SamplerSpec(null, 100, Spacing.QUAD, null);

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 8, 500})
  void shouldCoverAllTimestepsWithoutGapOrOverlapWhenUniform(int students) {
    assertCovers(
        new AssignmentSpec(Kind.UNIFORM, null, null).ranges(students, 1000, QUAD), students);
  }

  @Test
  void shouldGiveSmallTimestepsMoreStudentsWhenGammaIsAboveOne() {
    List<TimestepRange> ranges = new AssignmentSpec(Kind.POWER, 2.0, null).ranges(4, 1000, QUAD);
    // T·(i/N)^2 for i = 0..4 by hand: 0, 62.5, 250, 562.5, 1000.
    assertThat(ranges)
        .containsExactly(
            new TimestepRange(0, 63),
            new TimestepRange(63, 250),
            new TimestepRange(250, 563),
            new TimestepRange(563, 1000));
    assertCovers(ranges, 4);
  }

  @Test
  void shouldTakeBoundariesAsGivenWhenExplicit() {
    assertThat(new AssignmentSpec(Kind.EXPLICIT, null, List.of(0, 100, 1000)).ranges(2, 1000, QUAD))
        .containsExactly(new TimestepRange(0, 100), new TimestepRange(100, 1000));
  }

  @Test
  void shouldCountTheStepsThatAskEachRangeAndNameTheStudentThatNoneDoes() {
    List<TimestepRange> uniform =
        new AssignmentSpec(Kind.UNIFORM, null, null).ranges(8, 1000, QUAD);

    Visits visits = Visits.of(uniform, QUAD.timesteps(1000));

    // Counted by hand from Song et al.'s formula.
    assertThat(visits.counts()).containsExactly(36, 16, 12, 11, 9, 8, 4, 0);
    assertThat(visits.warning())
        .contains(
            "No step of evaluation.sampler asks student-8: none is in [875, 1000). Expected another students.assignment, such as visits, or another evaluation.sampler.spacing.");
    assertThat(Visits.of(uniform.subList(0, 7), QUAD.timesteps(1000)).warning()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "QUAD, 100, 1000, 8",
    "QUAD, 100, 1000, 3",
    "QUAD, 20, 50, 7",
    "UNIFORM, 25, 1000, 4",
    "UNIFORM, 7, 10, 7",
    "TRAILING, 30, 1000, 8",
    "TRAILING, 1, 1000, 1"
  })
  void shouldShareTheStepsOutEvenlyWhenVisitsAssign(
      Spacing spacing, int steps, int timesteps, int students) {
    SamplerSpec sampler = new SamplerSpec(null, steps, spacing, null);

    List<TimestepRange> ranges =
        new AssignmentSpec(Kind.VISITS, null, null).ranges(students, timesteps, sampler);

    assertThat(ranges).hasSize(students);
    assertThat(ranges.get(0).low()).isZero();
    assertThat(ranges.get(students - 1).high()).isEqualTo(timesteps);
    for (int i = 1; i < students; i++) {
      assertThat(ranges.get(i).low()).isEqualTo(ranges.get(i - 1).high());
    }
    List<Integer> visited = sampler.timesteps(timesteps);
    List<Integer> counts = Visits.of(ranges, visited).counts();
    assertThat(counts.stream().mapToInt(Integer::intValue).sum()).isEqualTo(visited.size());
    assertThat(Collections.max(counts) - Collections.min(counts)).isLessThanOrEqualTo(1);
    assertThat(Collections.min(counts)).isPositive();
  }

  @Test
  void shouldCutHalfWayBetweenStepsWhenVisitsAssign() {
    SamplerSpec sampler = new SamplerSpec(null, 4, Spacing.UNIFORM, null); // 0, 250, 500, 750
    assertThat(new AssignmentSpec(Kind.VISITS, null, null).ranges(2, 1000, sampler))
        .containsExactly(new TimestepRange(0, 375), new TimestepRange(375, 1000));
  }

  private static void assertCovers(List<TimestepRange> ranges, int students) {
    assertThat(ranges).hasSize(students);
    for (int t = 0; t < 1000; t++) {
      int owned = t;
      assertThat(ranges.stream().filter(r -> r.contains(owned))).hasSize(1);
    }
  }
}
