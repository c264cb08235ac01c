package dev.atelier.store;

import dev.atelier.spec.RetentionSpec;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Which checkpoints of a model stay. */
final class KeptCheckpoints {

  private KeptCheckpoints() {}

  /** Those that the rules keep, of {@code rows}, which are newest first. */
  static Set<CheckpointRow> of(List<CheckpointRow> rows, RetentionSpec retention) {
    Set<CheckpointRow> kept =
        new HashSet<>(rows.subList(0, Math.min(retention.last(), rows.size())));
    rows.stream()
        .filter(row -> row.loss().isPresent())
        .sorted(Comparator.comparingDouble(row -> row.loss().getAsDouble()))
        .limit(retention.best())
        .forEach(kept::add);
    if (retention.everySteps() > 0) {
      int multiple = 0; // that the checkpoint before has reached
      for (int i = rows.size() - 1; i >= 0; i--) {
        int reached = rows.get(i).step() / retention.everySteps();
        if (reached > multiple) {
          kept.add(rows.get(i));
        }
        multiple = reached;
      }
    }
    return kept;
  }
}
