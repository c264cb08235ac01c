package dev.atelier.diffusion;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;

/**
 * Heun's method on the probability-flow ODE of x / signal, whose time is noise / signal. Karras et
 * al. 2022, algorithm 1 without churn: deterministic, second order; an Euler step guesses the next
 * image, and the mean of the slopes at both ends takes its place. The step to the clean image is
 * the guess.
 *
 * <p>Equals {@code HeunDiscreteScheduler} of diffusers with that {@code clip_sample}.
 */
public final class HeunSampler implements Sampler {
  private final NoiseSchedule schedule;
  private final boolean clip;

  /** Over a {@code schedule} that has some signal everywhere. */
  public HeunSampler(NoiseSchedule schedule, boolean clip) {
    this.schedule = schedule;
    this.clip = clip;
  }

  @Override
  public List<Evaluation> evaluations(SamplerPlan plan) {
    List<Evaluation> evaluations = new ArrayList<>();
    for (int k = 0; k < plan.size(); k++) {
      int next = plan.next(k);
      evaluations.add(new Evaluation(plan.timesteps().get(k), next));
      if (next >= 0) {
        evaluations.add(new Evaluation(next, next));
      }
    }
    return evaluations;
  }

  @Override
  public int remembered() {
    return 2;
  }

  @Override
  public Trajectory begin(int elements) {
    return new Guess(elements);
  }

  /** The step that is on its way. */
  private final class Guess implements Trajectory {
    private final double[] from; // x / signal where it began
    private final double[] slope; // there
    private double time; // of the step

    Guess(int elements) {
      from = new double[elements];
      slope = new double[elements];
    }

    @Override
    public void step(FloatBuffer x, double[] x0, double[] eps, int t, int s, DoubleSupplier noise) {
      boolean corrects = t == s;
      double signalT = schedule.signal(t);
      double signalS = schedule.signal(s);
      double timeT = schedule.noise(t) / signalT;
      if (!corrects) {
        time = schedule.noise(s) / signalS - timeT;
      }
      for (int i = 0; i < from.length; i++) {
        double now = x.get(i) / signalT;
        double slopeNow = (now - Sampler.clip(x0[i], clip)) / timeT;
        if (!corrects) {
          from[i] = now;
          slope[i] = slopeNow;
        }
        double mean = (slope[i] + slopeNow) / 2;
        x.put(i, (float) (signalS * (from[i] + time * mean)));
      }
    }
  }
}
