package dev.atelier.diffusion;

import dev.atelier.diffusion.SeededRandom.Purpose;

/**
 * One reverse step x_t → x_s. Song et al. 2021, eq. 12 and 16: {@code eta} = 0 is deterministic, 1
 * has the variance of DDPM.
 *
 * <p>The predicted x0 is clipped to [-1, 1] and eps is kept as the model gave it, as {@code
 * clip_sample=true} does in diffusers.
 */
public final class DdimSampler {
  private final NoiseSchedule schedule;
  private final double eta;

  public DdimSampler(NoiseSchedule schedule, double eta) {
    this.schedule = schedule;
    this.eta = eta;
  }

  /**
   * Moves one image from t to s, in place.
   *
   * @param x the image at t, from {@code offset}; holds the image at s afterwards
   * @param eps the model's prediction, laid out as {@code x}
   * @param s the next timestep, or -1 for the clean image
   * @param random source of the noise that eta &gt; 0 adds
   * @param image index of the image, so that its noise doesn't depend on the batch
   */
  public void step(
      float[] x,
      float[] eps,
      int offset,
      int length,
      int t,
      int s,
      SeededRandom random,
      long image) {
    double alphaT = schedule.alphasCumprod(t);
    double alphaS = schedule.alphasCumprod(s);
    double sigma = sigma(t, s);
    double direction = Math.sqrt(Math.max(0, 1 - alphaS - sigma * sigma));
    double rootAlphaT = Math.sqrt(alphaT);
    double rootNoiseT = Math.sqrt(1 - alphaT);
    double rootAlphaS = Math.sqrt(alphaS);
    SeededRandom.Stream noise = random.stream(Purpose.SAMPLE_STEP_NOISE, image, t);
    for (int i = offset; i < offset + length; i++) {
      double x0 = (x[i] - rootNoiseT * eps[i]) / rootAlphaT;
      double next = rootAlphaS * Math.max(-1, Math.min(1, x0)) + direction * eps[i];
      x[i] = (float) (sigma > 0 ? next + sigma * noise.nextGaussian() : next);
    }
  }

  /** sigma_t of eq. 16, times eta. */
  public double sigma(int t, int s) {
    double alphaT = schedule.alphasCumprod(t);
    double alphaS = schedule.alphasCumprod(s);
    return eta * Math.sqrt((1 - alphaS) / (1 - alphaT)) * Math.sqrt(1 - alphaT / alphaS);
  }
}
