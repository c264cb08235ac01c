package dev.atelier.workflows;

/** Where the training of one model stands. */
public enum ModelState {
  PENDING,
  RUNNING,
  DONE,
  FAILED,
  CANCELED
}
