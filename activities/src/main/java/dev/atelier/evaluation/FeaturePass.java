package dev.atelier.evaluation;

import java.util.Optional;

/**
 * What all metrics need of a set of images, from one pass over them: the Gaussian, the features of
 * some images, and the class score where the extractor tells classes.
 */
public final class FeaturePass {

  private final FeatureExtractor extractor;
  private final LinearAlgebra algebra;
  private final int images;
  private final FeatureStatistics statistics;
  private final int kept;
  private final float[] rows; // [kept, D]
  private final Optional<ClassScore> classScore;
  private int seen;
  private int filled;

  private FeaturePass(int images, int classes, FeatureExtractor extractor, LinearAlgebra algebra) {
    this.extractor = extractor;
    this.algebra = algebra;
    this.images = images;
    this.statistics = new FeatureStatistics(extractor.dimension());
    this.kept = Math.min(images, FeatureRows.MOST);
    this.rows = new float[Math.multiplyExact(kept, extractor.dimension())];
    this.classScore = classes > 0 ? Optional.of(new ClassScore(images, classes)) : Optional.empty();
  }

  /** A pass over {@code images} samples in all. */
  public static FeaturePass ofSamples(
      int images, FeatureExtractor extractor, LinearAlgebra algebra) {
    return new FeaturePass(images, extractor.classes(), extractor, algebra);
  }

  /** A pass over {@code images} reference images in all, which need no class score. */
  public static FeaturePass ofReference(
      int images, FeatureExtractor extractor, LinearAlgebra algebra) {
    return new FeaturePass(images, 0, extractor, algebra);
  }

  /**
   * Adds the next images, as {@link FeatureExtractor#features} takes them.
   *
   * @throws ExtractorException if a feature is not a finite number
   */
  public void add(byte[] chw, int count, int channels, int resolution) {
    float[] features;
    if (classScore.isPresent()) {
      FeatureExtractor.Outputs outputs = extractor.outputs(chw, count, channels, resolution);
      classScore.get().add(outputs.classes(), extractor.classOutputs());
      features = outputs.features();
    } else {
      features = extractor.features(chw, count, channels, resolution);
    }
    int dimension = extractor.dimension();
    statistics.merge(algebra.statistics(features, dimension));
    for (int i = 0; i < count; i++, seen++) {
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
        statistics, new FeatureRows(rows, extractor.dimension()), classScore);
  }
}
