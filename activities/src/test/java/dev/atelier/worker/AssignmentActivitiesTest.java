package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.AssignmentSpec.Kind;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.workflows.AssignmentActivities.PlanRanges;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.postgresql.ds.PGSimpleDataSource;

class AssignmentActivitiesTest {

  @ParameterizedTest
  @EnumSource(
      value = Kind.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"SNR", "KARRAS", "MEASURED"})
  void shouldRefuseToFindRangesOfAKindThatIsKnownAtLaunch(Kind kind) {
    // Nothing is asked of the store, the history and the cache before it is refused.
    AssignmentActivitiesImpl activities =
        new AssignmentActivitiesImpl(null, null, new PGSimpleDataSource(), null, () -> false);
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
    assertThatThrownBy(() -> activities.find(task))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining(
            "Ranges of students.assignment.kind %s are known at launch: there is nothing to find."
                .formatted(kind));
  }
}
