package dev.atelier.diffusion;

import java.nio.FloatBuffer;
import java.util.function.DoubleSupplier;

/**
 * DDIM. Song et al. 2021, eq. 12 and 16: {@code eta} = 0 is deterministic, 1 has the variance of
 * DDPM.
 *
 * <p>The predicted x0 may be clipped; eps is kept as the model gave it. Equals {@code
 * DDIMScheduler} of diffusers with that {@code clip_sample} and that {@code set_alpha_to_one},
 * except that s is always the plan's next timestep (there t - floor(T / steps), which is another
 * one for trailing spacing when steps doesn't divide T).
 */
public final class DdimSampler implements Sampler {
  private final NoiseSchedule schedule;
  private final double eta;
  private final boolean clip;

  public DdimSampler(NoiseSchedule schedule, double eta, boolean clip) {
    this.clip = clip;
    this.schedule = schedule;
    this.eta = eta;
  }

  @Override
  public Trajectory begin(int elements) {
    return this::step;
  }

  private void step(FloatBuffer x, double[] x0, double[] eps, int t, int s, DoubleSupplier noise) {
    double alphaS = schedule.alphasCumprod(s);
    double sigma = sigma(t, s);
    double direction = Math.sqrt(Math.max(0, 1 - alphaS - sigma * sigma));
    double rootAlphaS = Math.sqrt(alphaS);
    for (int i = 0; i < x.limit(); i++) {
      double next = rootAlphaS * Sampler.clip(x0[i], clip) + direction * eps[i];
      x.put(i, (float) (sigma > 0 ? next + sigma * noise.getAsDouble() : next));
    }
  }

  /** sigma_t of eq. 16, times eta. */
  double sigma(int t, int s) {
    double alphaT = schedule.alphasCumprod(t);
    double alphaS = schedule.alphasCumprod(s);
    return eta * Math.sqrt((1 - alphaS) / (1 - alphaT)) * Math.sqrt(1 - alphaT / alphaS);
  }
}
