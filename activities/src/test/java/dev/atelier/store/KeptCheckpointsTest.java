package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.RetentionSpec;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class KeptCheckpointsTest {

  @Test
  void shouldKeepTheNewestTwoUnlessAskedForMore() {
    assertThat(kept(rows(100, 200, 300, 400), new RetentionSpec(null, null, null)))
        .containsExactlyInAnyOrder(300, 400);
    assertThat(kept(rows(100), RetentionSpec.DEFAULTS)).containsExactlyInAnyOrder(100);
  }

  @Test
  void shouldKeepThoseWithTheLowestLoss() {
    List<CheckpointRow> rows =
        List.of(row(400, 4.0), row(300, 3.0), row(200, 0.2), unknown(150), row(100, 1.0));

    assertThat(kept(rows, new RetentionSpec(2, 1, 0))).containsExactlyInAnyOrder(200, 300, 400);
    assertThat(kept(rows, new RetentionSpec(2, 2, 0)))
        .containsExactlyInAnyOrder(100, 200, 300, 400);
  }

  @Test
  void shouldKeepTheFirstFromEachMultipleOfStepsOn() {
    assertThat(kept(rows(300, 600, 900, 1200, 1500, 1800, 2100), new RetentionSpec(2, 0, 1000)))
        .containsExactlyInAnyOrder(1200, 1800, 2100);
  }

  @Test
  void shouldKeepTheSameHoweverOftenOldOnesAreRemoved() {
    Random random = new Random(3);
    for (int run = 0; run < 200; run++) {
      RetentionSpec retention =
          new RetentionSpec(2 + random.nextInt(3), random.nextInt(3), 250 * random.nextInt(4));
      List<CheckpointRow> all = new ArrayList<>();
      List<CheckpointRow> pruned = new ArrayList<>();
      for (int step = 100; step < 3000; step += 100 + random.nextInt(50)) {
        CheckpointRow saved = row(step, random.nextDouble());
        all.add(0, saved);
        pruned.add(0, saved);
        Set<CheckpointRow> kept = KeptCheckpoints.of(pruned, retention);
        pruned.removeIf(row -> !kept.contains(row));
      }

      assertThat(Set.copyOf(pruned)).isEqualTo(KeptCheckpoints.of(all, retention));
    }
  }

  private static Set<Integer> kept(List<CheckpointRow> rows, RetentionSpec retention) {
    return KeptCheckpoints.of(rows, retention).stream()
        .map(CheckpointRow::step)
        .collect(Collectors.toSet());
  }

  private static List<CheckpointRow> rows(int... oldestFirst) {
    List<CheckpointRow> rows = new ArrayList<>();
    for (int step : oldestFirst) {
      rows.add(0, unknown(step));
    }
    return rows;
  }

  private static CheckpointRow unknown(int step) {
    return new CheckpointRow(step, "key-" + step, "sha");
  }

  private static CheckpointRow row(int step, double loss) {
    return new CheckpointRow(step, "key-" + step, "sha", OptionalDouble.of(loss), false);
  }
}
