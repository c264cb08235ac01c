package dev.atelier.evaluation;

/**
 * Fréchet distance between two Gaussians fitted to features: |m1 - m2|^2 + tr(S1 + S2 - 2 (S1
 * S2)^1/2). Dowson &amp; Landau 1982; Heusel et al. 2017, eq. 6.
 */
public final class FrechetDistance {

  private FrechetDistance() {}

  /**
   * The distance; 0 for equal statistics.
   *
   * @throws IllegalArgumentException if the dimensions differ
   */
  public static double between(Gaussian a, Gaussian b, LinearAlgebra algebra) {
    int d = a.dimension();
    if (b.dimension() != d) {
      throw new IllegalArgumentException(
          "Cannot compare statistics of %d features with statistics of %d: they come from different extractors."
              .formatted(d, b.dimension()));
    }
    double[] m1 = a.mean();
    double[] m2 = b.mean();
    double[] s1 = a.covariance();
    double[] s2 = b.covariance();
    double distance = -2 * algebra.traceSqrtProduct(s1, s2, d);
    for (int i = 0; i < d; i++) {
      distance += (m1[i] - m2[i]) * (m1[i] - m2[i]) + s1[i * d + i] + s2[i * d + i];
    }
    return Math.max(0, distance); // rounding can leave a tiny negative number for equal statistics
  }
}
