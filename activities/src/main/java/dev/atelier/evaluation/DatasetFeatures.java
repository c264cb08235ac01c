package dev.atelier.evaluation;

import dev.atelier.dataset.PackedImages;
import java.util.function.IntConsumer;

/** The features of a whole dataset. */
public final class DatasetFeatures {

  private DatasetFeatures() {}

  /**
   * Runs every image through the extractor.
   *
   * @param pass over {@code images.count()} images
   * @param progress told the number of images done after each batch; may throw to stop
   */
  public static MeasuredFeatures measure(
      PackedImages images, int batchSize, FeaturePass pass, IntConsumer progress) {
    int resolution = images.resolution();
    int imageBytes = images.channels() * resolution * resolution;
    byte[] batch = new byte[batchSize * imageBytes];
    for (int first = 0; first < images.count(); first += batchSize) {
      int n = Math.min(batchSize, images.count() - first);
      for (int i = 0; i < n; i++) {
        images.copy(first + i, batch, i * imageBytes);
      }
      pass.add(batch, n, images.channels(), resolution);
      progress.accept(first + n);
    }
    return pass.result();
  }
}
