package dev.atelier.workflows;

/** Where a study stands. */
public enum StudyStage {
  QUEUED,
  RUNNING,
  AWAITING_RETRY, // what has not ended waits for the retry of a failed model
  REPORTING,
  DONE,
  FAILED,
  CANCELED;

  public boolean terminal() {
    return this == DONE || this == FAILED || this == CANCELED;
  }
}
