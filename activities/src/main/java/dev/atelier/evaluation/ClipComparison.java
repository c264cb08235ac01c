package dev.atelier.evaluation;

import dev.atelier.workflows.vocabulary.Metric;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The figures of a CLIP model.
 *
 * @param samples number of samples whose embeddings were compared
 * @param referenceImages number of images of the dataset whose embeddings were compared
 */
public record ClipComparison(Map<Metric, Double> figures, int samples, int referenceImages) {

  /** Measures: the score where samples have prompts, and the distance. */
  static ClipComparison of(ClipRows samples, ClipRows reference, LinearAlgebra algebra) {
    Map<Metric, Double> figures = new LinkedHashMap<>();
    float[] scores = samples.scores();
    if (scores.length > 0) {
      figures.put(Metric.CLIP_SCORE, score(scores));
    }
    ClipRows some = samples.atMost(ClipRows.MOST);
    figures.put(Metric.CLIP_DISTANCE, ClipDistance.between(some, reference, algebra));
    return new ClipComparison(figures, some.count(), reference.count());
  }

  /**
   * The mean of 100 times the cosines of images and their texts, and at least 0, as torchmetrics
   * has it. Hessel et al. 2021, eq. 1, but with their factor of 2.5 as 100.
   */
  static double score(float[] scores) {
    double sum = 0;
    for (float score : scores) {
      sum += score;
    }
    return Math.max(0, sum / scores.length);
  }
}
