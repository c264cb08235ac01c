package dev.atelier.diffusion;

import dev.atelier.spec.Prediction;

/**
 * What a network predicts at one t, as a mixture of the image and the noise: y = {@code ofX0} x_0 +
 * {@code ofEps} eps, where x_t = {@code signal} x_0 + {@code noise} eps. Two equations, so that y
 * and x_t give x_0 and eps. All that depends on what a network predicts follows from its mixture.
 */
public record Mixture(double ofX0, double ofEps, double signal, double noise) {

  /** Of {@code prediction} at {@code t}. */
  public static Mixture of(Prediction prediction, NoiseSchedule schedule, int t) {
    double signal = schedule.signal(t);
    double noise = schedule.noise(t);
    return switch (prediction) {
      case EPS -> new Mixture(0, 1, signal, noise);
      case X0 -> new Mixture(1, 0, signal, noise);
      case V -> new Mixture(-noise, signal, signal, noise);
      case FLOW -> new Mixture(-1, 1, signal, noise);
    };
  }

  /** y of an image and its noise. */
  public double target(double x0, double eps) {
    return ofX0 * x0 + ofEps * eps;
  }

  /** x_0 that y and x_t say. */
  public double x0(double xt, double y) {
    return (ofEps * xt - noise * y) / determinant();
  }

  /** eps that y and x_t say. */
  public double eps(double xt, double y) {
    return ofX0 == 0 ? y : (signal * y - ofX0 * xt) / determinant(); // eps keeps its bits
  }

  /** By how much x_0 moves with y, for a given x_t. */
  public double x0PerOutput() {
    return -noise / determinant();
  }

  /** By how much eps moves with y, for a given x_t. */
  public double epsPerOutput() {
    return signal / determinant();
  }

  /** Of the two equations: 0 where y says nothing that x_t doesn't. */
  double determinant() {
    return ofEps * signal - ofX0 * noise;
  }
}
