package dev.atelier.evaluation;

import dev.atelier.network.tensors.HostTensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Improved precision and recall: the share of samples that lie near a reference image, and of
 * reference images that lie near a sample. Near: within the distance to the k-th neighbour of its
 * own kind. Kynkäänniemi et al. 2019, eq. 1 and 2.
 *
 * @param precision in [0, 1]
 * @param recall in [0, 1]
 */
public record PrecisionRecall(double precision, double recall) {

  /** k. */
  public static final int NEIGHBOURS = 3;

  private static final int BLOCK = 256; // rows of a distance matrix held at once

  /**
   * Compares samples with reference images.
   *
   * @throws EvaluationException if either has no k neighbours
   */
  public static PrecisionRecall of(
      FeatureRows samples, FeatureRows reference, LinearAlgebra algebra) {
    int fewest = Math.min(samples.count(), reference.count());
    if (fewest <= NEIGHBOURS) {
      throw new EvaluationException(
          "Precision and recall need more than %d images of each kind, found %d."
              .formatted(NEIGHBOURS, fewest));
    }
    return new PrecisionRecall(
        covered(samples, reference, algebra), covered(reference, samples, algebra));
  }

  /** The share of {@code points} that lie within the ball of one of {@code centres}. */
  private static double covered(FeatureRows points, FeatureRows centres, LinearAlgebra algebra) {
    HostTensor all = centres.tensor();
    double[] radii = new double[centres.count()]; // squared
    for (Block block : blocks(centres.count())) {
      double[] some =
          algebra.neighbourDistances(centres.tensor(block.from(), block.to()), all).toDoubles();
      System.arraycopy(some, 0, radii, block.from(), some.length);
    }
    HostTensor balls = HostTensor.ofDoubles(radii, radii.length);
    double inside = 0;
    for (Block block : blocks(points.count())) {
      inside += algebra.insideBalls(points.tensor(block.from(), block.to()), all, balls);
    }
    return inside / points.count();
  }

  private record Block(int from, int to) {}

  private static List<Block> blocks(int rows) {
    List<Block> blocks = new ArrayList<>();
    for (int from = 0; from < rows; from += BLOCK) {
      blocks.add(new Block(from, Math.min(rows, from + BLOCK)));
    }
    return blocks;
  }
}
