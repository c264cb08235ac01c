package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.AssignmentSpec.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AssignmentSpecTest {

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 8, 500})
  void shouldCoverAllTimestepsWithoutGapOrOverlapWhenUniform(int students) {
    assertCovers(new AssignmentSpec(Kind.UNIFORM, null, null).ranges(students, 1000), students);
  }

  @Test
  void shouldGiveSmallTimestepsMoreStudentsWhenGammaIsAboveOne() {
    List<TimestepRange> ranges = new AssignmentSpec(Kind.POWER, 2.0, null).ranges(4, 1000);
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
    assertThat(new AssignmentSpec(Kind.EXPLICIT, null, List.of(0, 100, 1000)).ranges(2, 1000))
        .containsExactly(new TimestepRange(0, 100), new TimestepRange(100, 1000));
  }

  private static void assertCovers(List<TimestepRange> ranges, int students) {
    assertThat(ranges).hasSize(students);
    for (int t = 0; t < 1000; t++) {
      int owned = t;
      assertThat(ranges.stream().filter(r -> r.contains(owned))).hasSize(1);
    }
  }
}
