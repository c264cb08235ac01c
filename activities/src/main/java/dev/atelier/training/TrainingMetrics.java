package dev.atelier.training;

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
 */
public record TrainingMetrics(
    int step,
    int totalSteps,
    double loss,
    double diffusionLoss,
    double distillationLoss,
    double gradNorm,
    double learningRate,
    double imagesPerSecond) {}
