package dev.atelier.cli;

import dev.atelier.workflows.StudyStage;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** One page of studies, newest first. */
record StudyList(List<Item> items, Optional<String> nextCursor) {

  /** A study in the list. */
  record Item(
      String id, String name, StudyStage stage, int experiments, int ended, Instant createdAt) {}
}
