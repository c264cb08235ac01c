package dev.atelier.diffusion;

import dev.atelier.spec.Prediction;
import dev.atelier.spec.TrainingSpec;
import java.util.Optional;

/**
 * What the squared error of a sample counts by its t: {@code at[t]}, [T]. Each form is of one kind
 * of prediction; that of others gives the same weight to the error that they make in it.
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record LossWeights(double[] at) {

  /** Of what a network {@code predicts}; empty: all are 1. */
  public static Optional<LossWeights> of(
      TrainingSpec training, Prediction predicts, NoiseSchedule schedule) {
    if (training.weighting().isEmpty()) {
      return Optional.empty();
    }
    double gamma = training.gamma();
    double[] weights = new double[schedule.timesteps()];
    for (int t = 0; t < weights.length; t++) {
      Mixture mixture = Mixture.of(predicts, schedule, t);
      double snr = schedule.snr(t);
      weights[t] =
          switch (training.weighting().get()) {
            case NONE -> 1;
            // Hang et al. 2023, section 3.4: of the error in x_0.
            case MIN_SNR -> squared(mixture.x0PerOutput()) * Math.min(snr, gamma);
            // Choi et al. 2022, eq. 8: of the error in eps.
            case P2 -> squared(mixture.epsPerOutput()) / StrictMath.pow(1 + snr, gamma);
          };
    }
    return Optional.of(new LossWeights(weights));
  }

  private static double squared(double value) {
    return value * value;
  }
}
