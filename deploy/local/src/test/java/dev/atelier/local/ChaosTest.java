package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ChaosTest {

  private static final Map<String, String> HISTORY = Map.of("a", "COMPLETED", "b", "CANCELED");

  @Test
  void shouldTellEachExperimentOfWhichTemporalAndPostgresDisagree() {
    assertThat(Chaos.differing(HISTORY, HISTORY, Set.of())).isEmpty();
    assertThat(Chaos.differing(HISTORY, Map.of("a", "RUNNING", "b", "CANCELED"), Set.of()))
        .containsExactly("a is RUNNING in Temporal, COMPLETED in Postgres.");
    assertThat(Chaos.differing(Map.of("a", "COMPLETED"), HISTORY, Set.of()))
        .containsExactly("b is CANCELED in Temporal, unknown in Postgres.");
  }

  @Test
  void shouldMissAWorkflowUnlessItNeverBegan() {
    Map<String, String> temporal = Map.of("a", "COMPLETED");
    assertThat(Chaos.differing(HISTORY, temporal, Set.of("b"))).isEmpty();
    assertThat(Chaos.differing(HISTORY, temporal, Set.of("a")))
        .containsExactly("b is unknown in Temporal, CANCELED in Postgres.");
  }
}
