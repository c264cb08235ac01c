package dev.atelier.evaluation;

import dev.atelier.pipeline.ClipModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A CLIP model that judges images. Not safe for use by several threads at once. */
final class ClipJudge implements AutoCloseable {

  private final String name;
  private final ClipModel.Encoder encoder;

  private ClipJudge(String name, ClipModel.Encoder encoder) {
    this.name = name;
    this.encoder = encoder;
  }

  /**
   * Loads a model.
   *
   * @param name for messages
   * @param work a directory for temporary files
   * @throws ExtractorException if the folder holds none
   */
  static ClipJudge open(Path folder, String name, String device, Path work) throws IOException {
    try {
      return new ClipJudge(name, ClipModel.read(folder).load(device, work));
    } catch (IllegalArgumentException e) {
      throw unusable(name, e.getMessage().replaceFirst("\\.$", ""));
    }
  }

  private static ExtractorException unusable(String name, String why) {
    return new ExtractorException("The CLIP model '%s' cannot be used: %s.".formatted(name, why));
  }

  /** Whether it reads only the beginning of a prompt. */
  boolean cuts(String prompt) {
    return encoder.model().cuts(prompt);
  }

  /** Rows for {@code images} that are not there yet. */
  ClipRows rows(int images, boolean prompted) {
    return new ClipRows(images, encoder.model().dimension(), prompted);
  }

  /**
   * Adds the next images to {@code rows}.
   *
   * @param chw [count, channels, resolution, resolution] as unsigned bytes
   * @param prompts one per image, or none
   * @throws ExtractorException if an embedding is not finite, or of length 0
   */
  void judge(
      byte[] chw, int count, int channels, int resolution, List<String> prompts, ClipRows rows) {
    float[] images = encoder.embedImages(chw, count, channels, resolution);
    double[] lengths = lengths(images, count);
    float[] scores = new float[prompts.size()];
    if (!prompts.isEmpty()) {
      float[] texts = encoder.embedTexts(prompts);
      double[] textLengths = lengths(texts, count);
      int d = images.length / count;
      for (int n = 0; n < count; n++) {
        double product = 0;
        for (int i = 0; i < d; i++) {
          product += (double) images[n * d + i] * texts[n * d + i];
        }
        scores[n] = (float) (100 * product / (lengths[n] * textLengths[n]));
      }
    }
    rows.add(images, scores);
  }

  private double[] lengths(float[] rows, int count) {
    double[] lengths = new double[count];
    for (int i = 0; i < rows.length; i++) {
      lengths[i / (rows.length / count)] += (double) rows[i] * rows[i];
    }
    for (int n = 0; n < count; n++) {
      lengths[n] = Math.sqrt(lengths[n]);
      if (!(lengths[n] > 0) || Double.isInfinite(lengths[n])) {
        throw unusable(
            name, "it gave an embedding of length %s, expected a finite one".formatted(lengths[n]));
      }
    }
    return lengths;
  }

  @Override
  public void close() {
    encoder.close();
  }
}
