package dev.atelier.network;

import dev.atelier.network.tensors.HostTensor;
import java.util.Arrays;

/**
 * What a step of a {@link TrainingModule} measures.
 *
 * @param loss weighted sum of the parts
 * @param diffusionLoss of what the network predicts of the images
 * @param distillationLoss of what it predicts of the teacher's prediction; 0 without a teacher
 * @param gradientNorm of the whole gradient, before clipping
 * @param featureLoss L_feat; 0 where no features are compared
 * @param samples mean squared error of each sample's prediction, [N]
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record StepFigures(
    double loss,
    double diffusionLoss,
    double distillationLoss,
    double gradientNorm,
    double featureLoss,
    double[] samples) {

  /** How many numbers a step returns before those of the samples. */
  static final int BEFORE_SAMPLES = 5;

  /** As a step returns them, [5 + N] float64; the program in {@link TrainingModule} ends so. */
  public static StepFigures of(HostTensor returned) {
    double[] values = returned.toDoubles();
    return new StepFigures(
        values[0],
        values[1],
        values[2],
        values[3],
        values[4],
        Arrays.copyOfRange(values, BEFORE_SAMPLES, values.length));
  }

  /** What a step of {@code samples} images returns into. */
  public static HostTensor buffer(int samples) {
    return HostTensor.zeros(HostTensor.DType.F64, BEFORE_SAMPLES + samples);
  }
}
