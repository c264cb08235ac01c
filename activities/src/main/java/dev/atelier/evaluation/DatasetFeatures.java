package dev.atelier.evaluation;

import dev.atelier.dataset.PackedImages;
import java.util.function.IntConsumer;

/** The feature statistics of a whole dataset. */
public final class DatasetFeatures {

  private DatasetFeatures() {}

  /**
   * Runs every image through the extractor.
   *
   * @param progress told the number of images done after each batch; may throw to stop
   */
  public static FeatureStatistics measure(
      PackedImages images,
      int batchSize,
      FeatureExtractor extractor,
      LinearAlgebra algebra,
      IntConsumer progress) {
    FeatureStatistics statistics = new FeatureStatistics(extractor.dimension());
    int resolution = images.resolution();
    int imageBytes = images.channels() * resolution * resolution;
    byte[] batch = new byte[batchSize * imageBytes];
    for (int first = 0; first < images.count(); first += batchSize) {
      int n = Math.min(batchSize, images.count() - first);
      for (int i = 0; i < n; i++) {
        images.copy(first + i, batch, i * imageBytes);
      }
      statistics.merge(
          algebra.statistics(
              extractor.features(batch, n, images.channels(), resolution), extractor.dimension()));
      progress.accept(first + n);
    }
    return statistics;
  }
}
