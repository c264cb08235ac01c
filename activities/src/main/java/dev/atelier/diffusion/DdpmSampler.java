package dev.atelier.diffusion;

import java.nio.FloatBuffer;
import java.util.function.DoubleSupplier;

/**
 * DDPM ancestral sampling: draws from the posterior q(x_s | x_t, x0) of the predicted x0. Ho et al.
 * 2020, eq. 6 and 7, with beta_t = 1 - alphasCumprod_t / alphasCumprod_s where steps are skipped.
 *
 * <p>The variance is the posterior's, "fixed small" in the field; the paper's "fixed large"
 * (beta_t) is not needed, as the reference figures are DDIM's. Equals {@code DDPMScheduler} of
 * diffusers with that {@code clip_sample} and {@code variance_type="fixed_small"}.
 */
public final class DdpmSampler implements Sampler {
  private final NoiseSchedule schedule;
  private final boolean clip;

  public DdpmSampler(NoiseSchedule schedule, boolean clip) {
    this.clip = clip;
    this.schedule = schedule;
  }

  @Override
  public Trajectory begin(int elements) {
    return this::step;
  }

  private void step(FloatBuffer x, double[] x0, double[] eps, int t, int s, DoubleSupplier noise) {
    double alphaT = schedule.alphasCumprod(t);
    double alphaS = schedule.alphasCumprod(s);
    double alpha = alphaT / alphaS;
    double beta = 1 - alpha;
    double weightOfX0 = Math.sqrt(alphaS) * beta / (1 - alphaT);
    double weightOfX = Math.sqrt(alpha) * (1 - alphaS) / (1 - alphaT);
    double sigma = Math.sqrt((1 - alphaS) / (1 - alphaT) * beta);
    for (int i = 0; i < x.limit(); i++) {
      double mean = weightOfX0 * Sampler.clip(x0[i], clip) + weightOfX * x.get(i);
      x.put(i, (float) (sigma > 0 ? mean + sigma * noise.getAsDouble() : mean));
    }
  }
}
