package dev.atelier.diffusion;

import dev.atelier.spec.Prediction;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;

/**
 * The linear multistep method of Liu et al. 2022 ("Pseudo Numerical Methods", PLMS) without its
 * Runge-Kutta start: the first step is one of Heun's, the next ones are of growing order. It
 * remembers eps, or v, which mean the same for every student.
 *
 * <p>Equals {@code PNDMScheduler} of diffusers with {@code skip_prk_steps=True}, as folders of
 * Stable Diffusion have it, where x0 is not clipped.
 */
public final class PlmsSampler implements Sampler {
  private final NoiseSchedule schedule;
  private final boolean clip;
  private final Prediction predicted;

  /**
   * Over a {@code schedule} that has some signal everywhere.
   *
   * @param predicted by all models: v is followed as v, everything else as eps
   */
  public PlmsSampler(NoiseSchedule schedule, boolean clip, Prediction predicted) {
    this.schedule = schedule;
    this.clip = clip;
    this.predicted = predicted;
  }

  @Override
  public List<Evaluation> evaluations(SamplerPlan plan) {
    List<Evaluation> evaluations = new ArrayList<>(Sampler.super.evaluations(plan));
    if (plan.size() > 1) {
      evaluations.add(1, new Evaluation(plan.next(0), plan.next(0)));
    }
    return evaluations;
  }

  @Override
  public int remembered() {
    return Multistep.REMEMBERED + 1;
  }

  @Override
  public Trajectory begin(int elements) {
    return new Steps();
  }

  private final class Steps implements Trajectory {
    private final Multistep steps = new Multistep(schedule, clip, predicted);
    private double[] start = {}; // of the first step
    private int startT;

    @Override
    public void step(
        FloatBuffer x, double[] x0, double[] ofEps, int t, int s, DoubleSupplier noise) {
      double[] said = steps.said(x, x0, ofEps, t);
      if (t == s) {
        for (int i = 0; i < said.length; i++) {
          said[i] = (said[i] + steps.last()[i]) / 2;
        }
        steps.move(start, said, startT, s, x);
        return;
      }
      double[] from = Multistep.copy(x);
      if (start.length == 0) {
        start = from;
        startT = t;
      }
      steps.add(said);
      steps.move(from, steps.extrapolated(), t, s, x);
    }
  }
}
