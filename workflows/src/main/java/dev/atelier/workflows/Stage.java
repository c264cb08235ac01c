package dev.atelier.workflows;

/** Where an experiment stands. */
public enum Stage {
  QUEUED,
  PREPARING_DATASET,
  TRAINING_TEACHER,
  IMPORTING_TEACHER, // in place of training one
  MEASURING_DRIFT, // where the ranges depend on it
  TRAINING_ONE_TO_ONE, // where the students start from it
  TRAINING_STUDENTS,
  AWAITING_RETRY, // some model failed, the others are done: waits for retry or cancel
  EVALUATING,
  MERGING, // when asked for
  SEARCHING, // for schedules, when asked for
  PUBLISHING,
  DONE,
  FAILED,
  CANCELED;

  public boolean terminal() {
    return this == DONE || this == FAILED || this == CANCELED;
  }
}
