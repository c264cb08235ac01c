package dev.atelier.work;

import dev.atelier.workflows.vocabulary.EventKind;

/** Tells users what has happened to an experiment. */
@FunctionalInterface
public interface Notices {

  /** Adds {@code sentence} to what is known of the experiment. */
  void record(String experimentId, EventKind kind, String sentence);
}
