package dev.atelier.diffusion;

import dev.atelier.spec.Prediction;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;

/**
 * The pseudo numerical method of Liu et al. 2022, algorithm 2: three steps of the pseudo
 * Runge-Kutta method, which ask at both ends and twice in the middle, then the linear multistep
 * method of order 4. It remembers eps, or v, which mean the same for every student.
 *
 * <p>Equals {@code PNDMScheduler} of diffusers with {@code skip_prk_steps=False}, where x0 is not
 * clipped; its steps must be of even length, as for odd ones its middle is two timesteps.
 */
public final class PndmSampler implements Sampler {
  private static final int RUNGE_KUTTA_STEPS = 3;

  private final NoiseSchedule schedule;
  private final boolean clip;
  private final Prediction predicted;

  /**
   * Over a {@code schedule} that has some signal everywhere.
   *
   * @param predicted by all models: v is followed as v, everything else as eps
   */
  public PndmSampler(NoiseSchedule schedule, boolean clip, Prediction predicted) {
    this.schedule = schedule;
    this.clip = clip;
    this.predicted = predicted;
  }

  @Override
  public List<Evaluation> evaluations(SamplerPlan plan) {
    List<Evaluation> evaluations = new ArrayList<>();
    for (int k = 0; k < plan.size(); k++) {
      int t = plan.timesteps().get(k);
      int s = plan.next(k);
      if (k < RUNGE_KUTTA_STEPS && s >= 0) {
        int middle = s + (t - s) / 2;
        evaluations.add(new Evaluation(t, middle));
        evaluations.add(new Evaluation(middle, middle));
        evaluations.add(new Evaluation(middle, s));
        evaluations.add(new Evaluation(s, s));
      } else {
        evaluations.add(new Evaluation(t, s));
      }
    }
    return evaluations;
  }

  @Override
  public int remembered() {
    return Multistep.REMEMBERED + 2;
  }

  @Override
  public Trajectory begin(int elements) {
    return new Steps(elements);
  }

  private final class Steps implements Trajectory {
    private final Multistep steps = new Multistep(schedule, clip, predicted);
    private final double[] mean; // of the Runge-Kutta step, as far as it is known
    private double[] start = {}; // of that step
    private int startT;
    private int begun; // Runge-Kutta steps
    private int stage; // of the next answer

    Steps(int elements) {
      mean = new double[elements];
    }

    @Override
    public void step(
        FloatBuffer x, double[] x0, double[] ofEps, int t, int s, DoubleSupplier noise) {
      double[] said = steps.said(x, x0, ofEps, t);
      if (stage == 0) {
        steps.add(said);
        start = Multistep.copy(x);
        startT = t;
        if (begun == RUNGE_KUTTA_STEPS || s < 0) {
          steps.move(start, steps.extrapolated(), t, s, x);
          return;
        }
        begun++;
      }
      for (int i = 0; i < mean.length; i++) {
        mean[i] = (stage == 0 ? 0 : mean[i]) + said[i] / (stage == 0 || stage == 3 ? 6 : 3);
      }
      steps.move(start, stage == 3 ? mean : said, startT, s, x);
      stage = (stage + 1) % 4;
    }
  }
}
