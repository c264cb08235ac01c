package dev.atelier.workflows;

/** Where an experiment stands. */
public enum Stage {
  QUEUED,
  PREPARING_DATASET,
  TRAINING_TEACHER,
  IMPORTING_TEACHER, // in place of training one
  ENCODING_DATASET, // where networks see latents or read texts
  MEASURING_DRIFT, // where the ranges depend on it
  TRAINING_ONE_TO_ONE, // where the students start from it
  TRAINING_STUDENTS,
  AWAITING_RETRY, // a model or the evaluation failed, all else is done: waits until its deadline
  EVALUATING,
  MERGING, // when asked for
  SEARCHING, // for schedules, when asked for
  PUBLISHING,
  DONE,
  PARTIAL, // ended without some of its models or figures
  FAILED,
  CANCELED;

  public boolean terminal() {
    return this == DONE || this == PARTIAL || this == FAILED || this == CANCELED;
  }
}
