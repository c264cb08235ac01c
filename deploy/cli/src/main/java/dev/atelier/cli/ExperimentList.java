package dev.atelier.cli;

import dev.atelier.workflows.Stage;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One page of experiments, newest first. */
record ExperimentList(List<Item> items, Optional<String> nextCursor, List<String> warnings) {

  ExperimentList {
    warnings = warnings == null ? List.of() : warnings;
  }

  /** An experiment in the list. */
  record Item(
      String id,
      String name,
      Stage stage,
      int students,
      long step,
      long totalSteps,
      Map<String, Double> distances,
      Instant createdAt,
      boolean paused) {

    /** Where it stands, as it is told. */
    String standing() {
      return paused ? stage + ", paused" : stage.toString();
    }
  }
}
