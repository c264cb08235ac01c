package dev.atelier.workflows;

/** What candidates of a search are ranked by. */
public enum Estimator {
  /** The Fréchet distance of the samples at hand, which rewards lost diversity: once in use. */
  FRECHET("Fréchet distance of the samples"),
  /** The Fréchet distance, extrapolated to infinitely many samples. */
  EXTRAPOLATED_FRECHET("Fréchet distance extrapolated to infinitely many samples");

  private final String label;

  Estimator(String label) {
    this.label = label;
  }

  /** What people read. */
  public String label() {
    return label;
  }
}
