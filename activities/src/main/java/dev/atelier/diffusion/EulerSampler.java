package dev.atelier.diffusion;

import java.nio.FloatBuffer;
import java.util.function.DoubleSupplier;

/**
 * Euler's method on the probability-flow ODE. Karras et al. 2022, algorithm 1 without churn and
 * correction: deterministic, first order. x_s is what x_t and the predicted x0 make: noise_s /
 * noise_t of the one, and the rest of the other, whether x / signal is followed over noise / signal
 * or x over the noise of a flow.
 *
 * <p>Equals {@code EulerDiscreteScheduler} of diffusers where x0 is not clipped, and {@code
 * FlowMatchEulerDiscreteScheduler} on a flow. On schedules of betas it is then DDIM with eta = 0
 * too; with clipping the noise is what the clipped x0 leaves.
 */
public final class EulerSampler implements Sampler {
  private final NoiseSchedule schedule;
  private final boolean clip;

  public EulerSampler(NoiseSchedule schedule, boolean clip) {
    this.schedule = schedule;
    this.clip = clip;
  }

  @Override
  public Trajectory begin(int elements) {
    return this::step;
  }

  private void step(FloatBuffer x, double[] x0, double[] eps, int t, int s, DoubleSupplier noise) {
    double weightOfX = schedule.noise(s) / schedule.noise(t);
    double weightOfX0 = schedule.signal(s) - schedule.signal(t) * weightOfX;
    for (int i = 0; i < x0.length; i++) {
      x.put(i, (float) (weightOfX * x.get(i) + weightOfX0 * Sampler.clip(x0[i], clip)));
    }
  }
}
