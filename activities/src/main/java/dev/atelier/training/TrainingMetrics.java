package dev.atelier.training;

import java.util.OptionalLong;

/**
 * What happened since the last report.
 *
 * @param step steps done so far, from 1
 * @param totalSteps steps in all
 * @param loss mean over the interval, weighted sum of the parts
 * @param diffusionLoss mean over the interval of ||eps - eps_S||^2 per element
 * @param distillationLoss mean over the interval of ||eps_T - eps_S||^2 per element; 0 for a
 *     teacher
 * @param gradNorm mean over the interval of the global gradient norm before clipping
 * @param learningRate of the last step
 * @param imagesPerSecond over the interval
 * @param maxLoss largest of the interval
 * @param maxGradNorm largest of the interval, before clipping
 * @param outliers steps of the interval whose loss was more than 4 standard deviations above the
 *     running mean of about the last 100 steps
 * @param nativeBytes memory of the process outside of the Java heap; absent where tensors are on
 *     another device
 */
public record TrainingMetrics(
    int step,
    int totalSteps,
    double loss,
    double diffusionLoss,
    double distillationLoss,
    double gradNorm,
    double learningRate,
    double imagesPerSecond,
    double maxLoss,
    double maxGradNorm,
    int outliers,
    OptionalLong nativeBytes) {}
