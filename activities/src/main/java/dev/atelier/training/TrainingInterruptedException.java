package dev.atelier.training;

/** A stop was asked for; the state is in a checkpoint. */
public final class TrainingInterruptedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int step;

  public TrainingInterruptedException(String name, int step) {
    super("Training of %s was stopped after step %d.".formatted(name, step));
    this.step = step;
  }

  /** Steps done, all of them in the last checkpoint. */
  public int step() {
    return step;
  }
}
