package dev.atelier.evaluation;

import java.util.Optional;

/**
 * What one pass over a set of images gave.
 *
 * @param classScore where the extractor tells classes
 */
public record MeasuredFeatures(
    FeatureStatistics statistics, FeatureRows rows, Optional<ClassScore> classScore) {

  /**
   * Refuses a set of images too small for the covariance of its features.
   *
   * @param images what they are, for the message
   * @throws EvaluationException if {@code count} isn't more than {@code dimension}
   */
  public static void requireEnough(String images, long count, int dimension) {
    if (count <= dimension) {
      throw new EvaluationException(
          "Too few images: the covariance of the extractor's %d features needs more than %d %s, found %d."
              .formatted(dimension, dimension, images, count));
    }
  }
}
