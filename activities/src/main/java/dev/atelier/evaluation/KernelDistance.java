package dev.atelier.evaluation;

import dev.atelier.network.tensors.HostTensor;
import java.util.Optional;

/**
 * Squared maximum mean discrepancy of features under the kernel (x·y / D + 1)^3, unbiased, over
 * random subsets; with Inception's features it is the KID. Bińkowski et al. 2018, eq. 4. Subsets
 * are drawn as torch-fidelity draws them.
 */
public final class KernelDistance {

  public static final int SUBSETS = 100;
  public static final int SUBSET_SIZE = 1000; // where there are as many images
  public static final long SEED = 2020; // torch-fidelity's default

  private static final int BLOCK = 1000; // rows of a kernel matrix held at once

  private KernelDistance() {}

  /**
   * Refuses a subset size before anything is measured.
   *
   * @param samples how many there will be, and so of {@code reference} images
   * @throws EvaluationException if there are fewer images than asked for
   */
  public static void requireSubsets(Optional<Integer> wanted, int samples, int reference) {
    int unused =
        subsetSize(
            wanted, Math.min(samples, FeatureRows.MOST), Math.min(reference, FeatureRows.MOST));
  }

  /**
   * The subset size in use: the one asked for, or the largest up to {@link #SUBSET_SIZE}.
   *
   * @param samples whose features are kept
   * @param reference images whose features are kept
   * @throws EvaluationException if there are fewer images than asked for
   */
  static int subsetSize(Optional<Integer> wanted, int samples, int reference) {
    int images = Math.min(samples, reference);
    int size = wanted.orElse(Math.min(SUBSET_SIZE, images));
    if (size > images) {
      throw new EvaluationException(
          "The kernel distance can't have subsets of %d images: found the features of %d samples and %d reference images."
              .formatted(size, samples, reference));
    }
    return size;
  }

  /** Mean and deviation over {@link #SUBSETS} pairs of subsets of {@code size} images. */
  public static MeanAndDeviation between(
      FeatureRows a, FeatureRows b, int size, LinearAlgebra algebra) {
    return between(a, b, SUBSETS, size, algebra);
  }

  static MeanAndDeviation between(
      FeatureRows a, FeatureRows b, int subsets, int size, LinearAlgebra algebra) {
    NumpyRandom random = new NumpyRandom(SEED);
    double[] distances = new double[subsets];
    for (int i = 0; i < subsets; i++) {
      HostTensor x = a.tensor(random.permutation(a.count()), size);
      HostTensor y = b.tensor(random.permutation(b.count()), size);
      double within =
          kernelSum(x, x, algebra)
              - algebra.kernelDiagonal(x)
              + kernelSum(y, y, algebra)
              - algebra.kernelDiagonal(y);
      distances[i] =
          within / ((double) size * (size - 1))
              - 2 * kernelSum(x, y, algebra) / ((double) size * size);
    }
    return MeanAndDeviation.of(distances);
  }

  private static double kernelSum(HostTensor x, HostTensor y, LinearAlgebra algebra) {
    int rows = (int) x.shape()[0];
    double sum = 0;
    for (int first = 0; first < rows; first += BLOCK) {
      sum += algebra.kernelSum(x.rows(first, Math.min(rows, first + BLOCK)), y);
    }
    return sum;
  }
}
