package dev.atelier.training;

import dev.atelier.workflows.vocabulary.Series;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * What happened since the last report.
 *
 * @param step steps done so far, from 1
 * @param totalSteps steps in all
 * @param loss mean over the interval, weighted sum of the parts
 * @param diffusionLoss mean over the interval of L_diffusion
 * @param distillationLoss mean over the interval of L_distillation; 0 for a teacher
 * @param gradientNorm mean over the interval of the global gradient norm before clipping
 * @param learningRate of the last step
 * @param imagesPerSecond over the interval
 * @param maxLoss largest of the interval
 * @param maxGradientNorm largest of the interval, before clipping
 * @param outliers steps of the interval whose loss was more than 4 standard deviations above the
 *     running mean of about the last 100 steps
 * @param nativeBytes memory of the process outside of the Java heap; absent where tensors are on
 *     another device
 * @param featureLoss mean over the interval of L_feature; 0 where no features are compared
 * @param spread how much each series of the training varies
 * @param lossByTenth mean over the interval of ||y - y_S||^2 per element, of the samples whose t is
 *     in the k-th tenth of [0, T), for each tenth that had one
 */
@RecordBuilder
public record TrainingMetrics(
    int step,
    int totalSteps,
    double loss,
    double diffusionLoss,
    double distillationLoss,
    double gradientNorm,
    double learningRate,
    double imagesPerSecond,
    double maxLoss,
    double maxGradientNorm,
    int outliers,
    OptionalLong nativeBytes,
    double featureLoss,
    Map<Series, Spread> spread,
    Map<Integer, Double> lossByTenth) {

  /**
   * How much a series varies.
   *
   * @param variance unbiased, over the steps of the interval; absent: there was one step
   * @param outliers as {@link TrainingMetrics#outliers}, of this series
   */
  public record Spread(OptionalDouble variance, int outliers) {}
}
