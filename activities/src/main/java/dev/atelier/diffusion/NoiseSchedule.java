package dev.atelier.diffusion;

import dev.atelier.spec.DiffusionSpec;
import java.util.Arrays;

/**
 * The forward process q(x_t | x_0) = N(signal_t x_0, noise_t² I), in double. For schedules of betas
 * signal_t² is alphasCumprod_t and noise_t² the rest of 1. Ho et al. 2020, eq. 4; the cosine form
 * is Nichol and Dhariwal 2021, eq. 17. Or the straight line of rectified flow, Liu et al. 2023.
 */
public final class NoiseSchedule {
  private static final double COSINE_OFFSET = 0.008; // s
  private static final double COSINE_MAX_BETA = 0.999;

  private static final double LEAST_SIGNAL = 0x1p-24; // its square

  private final double[] betas;
  private final double[] alphasCumprod; // signal²
  private final double[] variances; // noise²
  private final End end;

  /** Where the last step ends: the signal and the noise at t = -1. */
  private record End(double alphaCumprod, double noise) {
    static final End CLEAN = new End(1, 0);
  }

  private NoiseSchedule(double[] betas, double[] alphasCumprod, double[] variances, End end) {
    this.betas = betas;
    this.alphasCumprod = alphasCumprod;
    this.variances = variances;
    this.end = end;
  }

  private static NoiseSchedule ofProducts(double[] betas, double[] alphasCumprod) {
    return new NoiseSchedule(
        betas,
        alphasCumprod,
        Arrays.stream(alphasCumprod).map(alpha -> 1 - alpha).toArray(),
        End.CLEAN);
  }

  /** Builds the schedule that a spec asks for. */
  public static NoiseSchedule of(DiffusionSpec spec) {
    int timesteps = spec.timesteps();
    return switch (spec.schedule()) {
      case LINEAR -> ofBetas(linear(timesteps, spec.betaStart(), spec.betaEnd()), spec);
      case COSINE -> ofBetas(cosine(timesteps), spec);
      case SCALED_LINEAR ->
          ofBetas(scaledLinear(timesteps, spec.betaStart(), spec.betaEnd()), spec);
      case FLOW -> flow(timesteps);
    };
  }

  private static NoiseSchedule ofBetas(double[] plain, DiffusionSpec spec) {
    double[] betas = spec.zeroTerminalSnr().isPresent() ? withZeroTerminalSnr(plain) : plain;
    return ofProducts(betas, alphasCumprod(betas));
  }

  /** As {@code FlowMatchEulerDiscreteScheduler} of diffusers: sigma is 1/T, 2/T, … 1. */
  private static NoiseSchedule flow(int timesteps) {
    double[] signals = new double[timesteps];
    double[] noises = new double[timesteps];
    for (int t = 0; t < timesteps; t++) {
      double sigma = (t + 1.0) / timesteps;
      signals[t] = (1 - sigma) * (1 - sigma);
      noises[t] = sigma * sigma;
    }
    return new NoiseSchedule(new double[0], signals, noises, End.CLEAN);
  }

  private static double[] alphasCumprod(double[] betas) {
    double[] products = new double[betas.length];
    double product = 1;
    for (int t = 0; t < betas.length; t++) {
      product *= 1 - betas[t];
      products[t] = product;
    }
    return products;
  }

  /** Lin et al. 2024, algorithm 1: the signal is shifted to 0 at T - 1, and keeps its start. */
  private static double[] withZeroTerminalSnr(double[] betas) {
    double[] alphasCumprod = alphasCumprod(betas);
    double first = Math.sqrt(alphasCumprod[0]);
    double last = Math.sqrt(alphasCumprod[betas.length - 1]);
    double[] rescaled = new double[betas.length];
    double before = 1;
    for (int t = 0; t < betas.length; t++) {
      double signal = (Math.sqrt(alphasCumprod[t]) - last) * first / (first - last);
      rescaled[t] = 1 - signal * signal / before;
      before = signal * signal;
    }
    return rescaled;
  }

  /**
   * The same with a little signal where there is none, for samplers that divide by it: as {@code
   * EulerDiscreteScheduler} of diffusers has it. A flow is left as it is.
   */
  NoiseSchedule withSomeSignal() {
    if (betas.length == 0) {
      return this;
    }
    double[] some = alphasCumprod.clone();
    for (int t = 0; t < some.length; t++) {
      some[t] = some[t] == 0 ? LEAST_SIGNAL : some[t];
    }
    return ofProducts(betas, some);
  }

  /** The same, with the signal and the noise of t = 0 at t = -1. */
  NoiseSchedule endingInFirstNoise() {
    return endingIn(new End(alphasCumprod[0], noise(0)));
  }

  /** The same, where the image keeps its size: with noise_0 / signal_0 beside it at t = -1. */
  NoiseSchedule endingInFirstNoiseOfWholeImage() {
    return endingIn(new End(1, noise(0) / signal(0)));
  }

  private NoiseSchedule endingIn(End other) {
    return new NoiseSchedule(betas, alphasCumprod, variances, other);
  }

  private static double[] linear(int timesteps, double start, double end) {
    double[] betas = new double[timesteps];
    for (int t = 0; t < timesteps; t++) {
      betas[t] = start + (end - start) * t / (timesteps - 1);
    }
    return betas;
  }

  private static double[] scaledLinear(int timesteps, double start, double end) {
    double[] betas = linear(timesteps, Math.sqrt(start), Math.sqrt(end));
    for (int t = 0; t < timesteps; t++) {
      betas[t] *= betas[t];
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
    return alphasCumprod.length;
  }

  /** beta_t, for t in [0, T); flow has none. */
  public double beta(int t) {
    return betas[t];
  }

  /** signal_t², the product of (1 - beta_s) for s up to t; 1 for t = -1 where that is clean. */
  public double alphasCumprod(int t) {
    return t < 0 ? end.alphaCumprod() : alphasCumprod[t];
  }

  /** The weight of x_0 in x_t; 1 for t = -1 where that is clean. */
  public double signal(int t) {
    return Math.sqrt(alphasCumprod(t));
  }

  /** The weight of eps in x_t; 0 for t = -1 where that is clean. */
  public double noise(int t) {
    return t < 0 ? end.noise() : Math.sqrt(variances[t]);
  }

  /** log(signal_t / noise_t), lambda_t of Lu et al. 2022; infinite for a clean image. */
  double lambda(int t) {
    double alphaCumprod = alphasCumprod(t);
    return 0.5 * StrictMath.log(alphaCumprod / (1 - alphaCumprod));
  }

  /** The signal-to-noise ratio of x_t, signal² / noise². */
  public double snr(int t) {
    return alphasCumprod[t] / variances[t];
  }

  /**
   * Samples q(x_t | x_0) with the given noise: {@code xt = signal_t x0 + noise_t eps}. Ho et al.
   * 2020, eq. 4.
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
