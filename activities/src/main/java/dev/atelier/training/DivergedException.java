package dev.atelier.training;

/**
 * A step's loss is NaN, infinite or beyond its bound, or its state is not finite; it isn't kept.
 */
public final class DivergedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int step;
  private final int lastGoodStep;

  /**
   * @param step from 1
   * @param finding what was found, such as {@code loss NaN, gradient norm 0.1}
   * @param lastGoodStep steps done in the last checkpoint, 0 if there is none
   */
  public DivergedException(String name, int step, String finding, int lastGoodStep) {
    super(
        "Training of %s diverged at step %d: %s. %s"
            .formatted(
                name,
                step,
                finding,
                lastGoodStep == 0
                    ? "It has no good checkpoint yet."
                    : "Its last good checkpoint is of step %d.".formatted(lastGoodStep)));
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
