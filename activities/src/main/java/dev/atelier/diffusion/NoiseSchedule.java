package dev.atelier.diffusion;

import dev.atelier.spec.DiffusionSpec;

/**
 * The forward process q(x_t | x_0) = N(sqrt(alphasCumprod_t) x_0, (1 - alphasCumprod_t) I), in
 * double. Ho et al. 2020, eq. 4; the cosine form is Nichol and Dhariwal 2021, eq. 17.
 */
public final class NoiseSchedule {
  private static final double COSINE_OFFSET = 0.008; // s
  private static final double COSINE_MAX_BETA = 0.999;

  private final double[] betas;
  private final double[] alphasCumprod;

  private NoiseSchedule(double[] betas) {
    this.betas = betas;
    this.alphasCumprod = new double[betas.length];
    double product = 1;
    for (int t = 0; t < betas.length; t++) {
      product *= 1 - betas[t];
      alphasCumprod[t] = product;
    }
  }

  /** Builds the schedule that a spec asks for. */
  public static NoiseSchedule of(DiffusionSpec spec) {
    return new NoiseSchedule(
        switch (spec.schedule()) {
          case LINEAR -> linear(spec.timesteps(), spec.betaStart(), spec.betaEnd());
          case COSINE -> cosine(spec.timesteps());
        });
  }

  private static double[] linear(int timesteps, double start, double end) {
    double[] betas = new double[timesteps];
    for (int t = 0; t < timesteps; t++) {
      betas[t] = start + (end - start) * t / (timesteps - 1);
    }
    return betas;
  }

  private static double[] cosine(int timesteps) {
    double[] betas = new double[timesteps];
    for (int t = 0; t < timesteps; t++) {
      double ratio = cosineAlphaBar((t + 1.0) / timesteps) / cosineAlphaBar((double) t / timesteps);
      betas[t] = Math.min(1 - ratio, COSINE_MAX_BETA);
    }
    return betas;
  }

  private static double cosineAlphaBar(double fraction) {
    double c = StrictMath.cos((fraction + COSINE_OFFSET) / (1 + COSINE_OFFSET) * Math.PI / 2);
    return c * c;
  }

  /** T. */
  public int timesteps() {
    return betas.length;
  }

  /** beta_t, for t in [0, T). */
  public double beta(int t) {
    return betas[t];
  }

  /** The product of (1 - beta_s) for s up to t; 1 for t = -1, the clean image. */
  public double alphasCumprod(int t) {
    return t < 0 ? 1.0 : alphasCumprod[t];
  }

  /** The weight of x_0 in x_t; 1 for t = -1. */
  public double signal(int t) {
    return Math.sqrt(alphasCumprod(t));
  }

  /** The weight of eps in x_t; 0 for t = -1. */
  public double noise(int t) {
    return Math.sqrt(1 - alphasCumprod(t));
  }

  /** The signal-to-noise ratio of x_t, signal² / noise². */
  public double snr(int t) {
    double signal = signal(t);
    double noise = noise(t);
    return signal * signal / (noise * noise);
  }

  /**
   * Samples q(x_t | x_0) with the given noise: {@code xt = sqrt(alphasCumprod_t) x0 + sqrt(1 -
   * alphasCumprod_t) eps}. Ho et al. 2020, eq. 4.
   *
   * @param x0 one image, pixels in [-1, 1]
   * @param eps standard normal, as long as {@code x0}
   * @param xt result, written from {@code offset}
   */
  public void qSample(int t, float[] x0, float[] eps, float[] xt, int offset, int length) {
    double signal = signal(t);
    double noise = noise(t);
    for (int i = offset; i < offset + length; i++) {
      xt[i] = (float) (signal * x0[i] + noise * eps[i]);
    }
  }
}
