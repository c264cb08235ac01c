package dev.atelier.evaluation;

import java.util.Optional;

/**
 * Gathers the features of images, batch by batch, into what all metrics need: the Gaussian, the
 * features of some images, and the class score where the extractor tells classes.
 */
public final class FeatureAccumulator {

  private final LinearAlgebra algebra;
  private final int images;
  private final FeatureStatistics statistics;
  private final int kept;
  private final float[] rows; // [kept, D]
  private final Optional<ClassScore> classScore;
  private final ClassScore.Outputs classOutputs;
  private int seen;
  private int filled;

  /**
   * Nothing gathered yet.
   *
   * @param images in all
   * @param dimension D, features per image
   * @param classes C that the extractor tells; 0: none
   * @param classOutputs what it tells of them
   */
  public FeatureAccumulator(
      int images,
      int dimension,
      int classes,
      ClassScore.Outputs classOutputs,
      LinearAlgebra algebra) {
    this.algebra = algebra;
    this.images = images;
    this.statistics = new FeatureStatistics(dimension);
    this.kept = Math.min(images, FeatureRows.MOST);
    this.rows = new float[Math.multiplyExact(kept, dimension)];
    this.classScore = classes > 0 ? Optional.of(new ClassScore(images, classes)) : Optional.empty();
    this.classOutputs = classOutputs;
  }

  /** Adds the next images. {@code features}: [n, D]; {@code classes}: [n, C], or empty if C = 0. */
  public void add(float[] features, float[] classes) {
    int dimension = statistics.dimension();
    classScore.ifPresent(score -> score.add(classes, classOutputs));
    statistics.merge(algebra.statistics(features, dimension));
    for (int i = 0; i < features.length / dimension; i++, seen++) {
      // Evenly spread: the number of kept rows grows by one at each of them.
      if ((seen + 1L) * kept / images > filled) {
        System.arraycopy(features, i * dimension, rows, filled * dimension, dimension);
        filled++;
      }
    }
  }

  /**
   * The result.
   *
   * @throws IllegalStateException if images are missing
   */
  public MeasuredFeatures result() {
    if (seen != images) {
      throw new IllegalStateException(
          "The features of %d images were announced, found %d.".formatted(images, seen));
    }
    return new MeasuredFeatures(
        statistics, new FeatureRows(rows, statistics.dimension()), classScore);
  }
}
