package dev.atelier.training;

/** The loss or the gradient is no longer a finite number; no checkpoint holds that state. */
public final class DivergedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int step;
  private final int lastGoodStep;

  public DivergedException(String name, int step, double loss, double gradNorm, int lastGoodStep) {
    super(
        "Training of %s diverged at step %d: loss %s, gradient norm %s. Its last good checkpoint is of step %d."
            .formatted(name, step, loss, gradNorm, lastGoodStep));
    this.step = step;
    this.lastGoodStep = lastGoodStep;
  }

  /** The step (from 1) that diverged. */
  public int step() {
    return step;
  }

  /** Steps done in the last checkpoint, 0 if there is none. */
  public int lastGoodStep() {
    return lastGoodStep;
  }
}
