package dev.atelier.assignment;

/**
 * Linear centred kernel alignment of two sets of features of the same images: ‖YᵀX‖² / (‖XᵀX‖
 * ‖YᵀY‖), with columns centred and Frobenius norms. Kornblith et al. 2019, "Similarity of Neural
 * Network Representations Revisited", section 3. Computed from the Gram matrices K = XXᵀ and L =
 * YYᵀ, [N, N]: ‖YᵀX‖² is the sum of K ∘ L.
 */
public final class LinearCka {

  private final double[] gram; // [N, N], of centred features
  private final int images;
  private final double norm;

  private LinearCka(double[] gram, int images) {
    this.gram = gram;
    this.images = images;
    double squares = 0;
    for (double g : gram) {
      squares += g * g;
    }
    this.norm = Math.sqrt(squares);
  }

  /** Prepares the features of {@code images} images, [N, D] row by row. */
  public static LinearCka of(float[] features, int images) {
    int d = features.length / images;
    double[] centred = new double[features.length];
    for (int j = 0; j < d; j++) {
      double mean = 0;
      for (int i = 0; i < images; i++) {
        mean += features[i * d + j];
      }
      mean /= images;
      for (int i = 0; i < images; i++) {
        centred[i * d + j] = features[i * d + j] - mean;
      }
    }
    double[] gram = new double[Math.multiplyExact(images, images)];
    for (int a = 0; a < images; a++) {
      for (int b = 0; b <= a; b++) {
        double sum = 0;
        for (int j = 0; j < d; j++) {
          sum += centred[a * d + j] * centred[b * d + j];
        }
        gram[a * images + b] = sum;
        gram[b * images + a] = sum;
      }
    }
    return new LinearCka(gram, images);
  }

  /**
   * In [0, 1]; 1 for features that are equal up to rotation, scale and shift, and for two sets that
   * don't vary at all.
   */
  public double with(LinearCka other) {
    if (other.images != images) {
      throw new IllegalArgumentException(
          "CKA compares features of the same images, found %d and %d."
              .formatted(images, other.images));
    }
    if (norm == 0 || other.norm == 0) {
      return norm == other.norm ? 1 : 0;
    }
    double product = 0;
    for (int i = 0; i < gram.length; i++) {
      product += gram[i] * other.gram[i];
    }
    return product / (norm * other.norm);
  }
}
