package dev.atelier.evaluation;

import dev.atelier.network.tensors.HostTensor;

/**
 * Density and coverage: how many samples lie near reference images, and the share of reference
 * images that have a sample near. Near: within the distance of a reference image to its k-th
 * neighbour among its own kind, so that an odd sample widens nothing. Naeem et al. 2020, eq. 5 and
 * 6.
 *
 * @param density at least 0; 1 where samples lie as reference images do, more where these are dense
 * @param coverage in [0, 1]
 */
public record DensityCoverage(double density, double coverage) {

  /** k, as the paper has it. */
  public static final int NEIGHBOURS = 5;

  private static final int BLOCK = 256; // rows of a distance matrix held at once

  /**
   * Compares samples with reference images.
   *
   * @throws EvaluationException if the reference has no k neighbours
   */
  public static DensityCoverage of(
      FeatureRows samples, FeatureRows reference, LinearAlgebra algebra) {
    if (reference.count() <= NEIGHBOURS) {
      throw new EvaluationException(
          "Density and coverage need more than %d reference images, found %d."
              .formatted(NEIGHBOURS, reference.count()));
    }
    HostTensor all = samples.tensor();
    HostTensor real = reference.tensor();
    double near = 0;
    int covered = 0;
    for (int from = 0; from < reference.count(); from += BLOCK) {
      HostTensor some = reference.tensor(from, Math.min(reference.count(), from + BLOCK));
      HostTensor radii = algebra.neighbourDistances(some, real, NEIGHBOURS);
      for (double inside : algebra.insideEach(some, radii, all)) {
        near += inside;
        covered += inside > 0 ? 1 : 0;
      }
    }
    return new DensityCoverage(
        near / ((double) NEIGHBOURS * samples.count()), (double) covered / reference.count());
  }
}
