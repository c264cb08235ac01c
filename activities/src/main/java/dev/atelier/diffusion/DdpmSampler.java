package dev.atelier.diffusion;

import dev.atelier.spec.EvaluationSpec.SamplerSpec.Variance;
import java.nio.FloatBuffer;
import java.util.Optional;
import java.util.function.DoubleSupplier;

/**
 * DDPM ancestral sampling: draws from the posterior q(x_s | x_t, x0) of the predicted x0. Ho et al.
 * 2020, eq. 6 and 7, with beta_t = 1 - alphasCumprod_t / alphasCumprod_s where steps are skipped.
 *
 * <p>The variance is the posterior's, "fixed small", or beta_t, "fixed large"; the paper finds them
 * alike. Equals {@code DDPMScheduler} of diffusers with that {@code clip_sample} and {@code
 * variance_type}: with beta_t, a step to the clean image adds noise too unless it is from t = 0.
 */
public final class DdpmSampler implements Sampler {
  private final NoiseSchedule schedule;
  private final boolean clip;
  private final Variance variance;

  /** With the posterior's variance unless {@code variance} says otherwise. */
  public DdpmSampler(NoiseSchedule schedule, boolean clip, Optional<Variance> variance) {
    this.clip = clip;
    this.schedule = schedule;
    this.variance = variance.orElse(Variance.FIXED_SMALL);
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
    double sigma =
        switch (variance) {
          case FIXED_SMALL -> Math.sqrt((1 - alphaS) / (1 - alphaT) * beta);
          case FIXED_LARGE -> t > 0 ? Math.sqrt(beta) : 0;
        };
    for (int i = 0; i < x.limit(); i++) {
      double mean = weightOfX0 * Sampler.clip(x0[i], clip) + weightOfX * x.get(i);
      x.put(i, (float) (sigma > 0 ? mean + sigma * noise.getAsDouble() : mean));
    }
  }
}
