package dev.atelier.evaluation;

/** The Gaussian that is fitted to features of dimension D. */
public final class Gaussian {

  private final double[] mean;
  private final double[] covariance;

  /**
   * @param mean [D]
   * @param covariance [D, D], symmetric
   */
  public Gaussian(double[] mean, double[] covariance) {
    if (covariance.length != mean.length * mean.length) {
      throw new IllegalArgumentException(
          "A covariance of %d features has %d numbers, found %d."
              .formatted(mean.length, mean.length * mean.length, covariance.length));
    }
    this.mean = mean.clone();
    this.covariance = covariance.clone();
  }

  /** D. */
  public int dimension() {
    return mean.length;
  }

  /** [D]. */
  public double[] mean() {
    return mean.clone();
  }

  /** [D, D], row-major. */
  public double[] covariance() {
    return covariance.clone();
  }
}
