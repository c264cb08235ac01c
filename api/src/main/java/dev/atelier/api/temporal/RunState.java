package dev.atelier.api.temporal;

/** What Temporal knows of a workflow. */
public enum RunState {
  ABSENT, // never started, or lost with an in-memory server
  OPEN,
  CLOSED
}
