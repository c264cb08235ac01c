package dev.atelier.evaluation;

/**
 * CMMD: 1000 times the squared maximum mean discrepancy of CLIP's embeddings, each of length 1,
 * under exp(−|x − y|² / 2σ²) with σ = 10; of all pairs, an image with itself among them. Jayasumana
 * et al. 2024, eq. 2 and 4, with the estimator of the authors' code.
 */
final class ClipDistance {

  /** For protocols. */
  static final String ESTIMATOR = "1000 MMD^2, biased, Gaussian kernel, sigma 10";

  private static final double SCALE = 1000;
  private static final int ROWS = 1000; // of a kernel matrix held at once
  private static final int COLUMNS = 5000;

  private ClipDistance() {}

  static double between(ClipRows a, ClipRows b, LinearAlgebra algebra) {
    return between(a, b, ROWS, COLUMNS, algebra);
  }

  static double between(ClipRows a, ClipRows b, int rows, int columns, LinearAlgebra algebra) {
    return SCALE
        * (mean(a, a, rows, columns, algebra)
            + mean(b, b, rows, columns, algebra)
            - 2 * mean(a, b, rows, columns, algebra));
  }

  /** The mean of the kernel less 1, over all pairs: what is left of numbers near 1 is exact. */
  private static double mean(ClipRows a, ClipRows b, int rows, int columns, LinearAlgebra algebra) {
    double sum = 0;
    for (int i = 0; i < a.count(); i += rows) {
      for (int j = 0; j < b.count(); j += columns) {
        sum +=
            algebra.gaussianSum(
                a.tensor(i, Math.min(a.count(), i + rows)),
                b.tensor(j, Math.min(b.count(), j + columns)));
      }
    }
    return sum / ((double) a.count() * b.count());
  }
}
