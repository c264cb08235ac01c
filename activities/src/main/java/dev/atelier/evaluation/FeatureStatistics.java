package dev.atelier.evaluation;

/**
 * Mean and covariance of features, accumulated in double and mergeable from shards by the update of
 * Chan, Golub &amp; LeVeque 1979, which doesn't cancel.
 */
public final class FeatureStatistics {

  private long count;
  private final double[] mean; // [D]
  private final double[] scatter; // [D, D]: sum of (x - mean)(x - mean)^T

  /** No features yet, of {@code dimension} D. */
  public FeatureStatistics(int dimension) {
    this(0, new double[dimension], new double[dimension * dimension]);
  }

  FeatureStatistics(long count, double[] mean, double[] scatter) {
    this.count = count;
    this.mean = mean;
    this.scatter = scatter;
  }

  public long count() {
    return count;
  }

  public int dimension() {
    return mean.length;
  }

  /** [D]. */
  public double[] mean() {
    return mean.clone();
  }

  /**
   * [D, D], unbiased.
   *
   * @throws IllegalStateException if there are fewer than 2 features
   */
  public double[] covariance() {
    if (count < 2) {
      throw new IllegalStateException(
          "A covariance needs at least 2 images, found %d.".formatted(count));
    }
    double[] covariance = new double[scatter.length];
    for (int i = 0; i < scatter.length; i++) {
      covariance[i] = scatter[i] / (count - 1);
    }
    return covariance;
  }

  /**
   * The Gaussian of these features.
   *
   * @throws IllegalStateException if there are fewer than 2 features
   */
  public Gaussian gaussian() {
    return new Gaussian(mean, covariance());
  }

  /** Adds the features of another shard. */
  public void merge(FeatureStatistics other) {
    int d = mean.length;
    if (other.mean.length != d) {
      throw new IllegalArgumentException(
          "Cannot merge statistics of %d features with statistics of %d."
              .formatted(d, other.mean.length));
    }
    if (other.count == 0) {
      return;
    }
    long total = count + other.count;
    double[] delta = new double[d];
    for (int i = 0; i < d; i++) {
      delta[i] = other.mean[i] - mean[i];
    }
    double weight = (double) count * other.count / total;
    for (int i = 0; i < d; i++) {
      for (int j = 0; j < d; j++) {
        scatter[i * d + j] += other.scatter[i * d + j] + weight * delta[i] * delta[j];
      }
    }
    for (int i = 0; i < d; i++) {
      mean[i] += delta[i] * other.count / total;
    }
    count = total;
  }
}
