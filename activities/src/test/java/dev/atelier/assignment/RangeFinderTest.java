package dev.atelier.assignment;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.AssignmentSpec.Kind;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.workflows.AssignmentActivities.PlanRanges;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RangeFinderTest {

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"SNR", "KARRAS", "MEASURED"})
  void shouldRefuseToFindRangesOfAKindThatIsKnownAtLaunch(Kind kind) {
    // Nothing is asked of what it is given before it is refused.
    RangeFinder finder = new RangeFinder(null, null, null, null, null);
    PlanRanges task =
        new PlanRanges(
            "e",
            0,
            null,
            DiffusionSpec.DEFAULTS,
            new AssignmentSpec(kind, null, null),
            4,
            null,
            Optional.empty());
    assertThatThrownBy(() -> finder.find(task, null))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining(
            "Ranges of students.assignment.kind %s are known at launch: there is nothing to find."
                .formatted(kind));
  }
}
