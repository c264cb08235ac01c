package dev.atelier.diffusion;

import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;

/** Samples a few pixels with a model that is a formula, as {@code sampler_fixtures.py} does. */
public final class Trajectories {

  /** A model: its prediction of one pixel. */
  public interface Model {
    double at(double x, int t);
  }

  /** As eps_of there. */
  public static final Model ANALYTIC =
      (x, t) -> Math.tanh(1.3 * x + 0.1) + 0.3 * Math.cos(2 * x + 0.004 * t);

  private static final int NEVER = -1;

  private Trajectories() {}

  /** The pixels at the end. */
  public static double[] run(
      SamplerSpec spec,
      NoiseSchedule schedule,
      double[] start,
      Model model,
      Prediction prediction) {
    return run(spec, schedule, start, model, prediction, NEVER, 0);
  }

  /**
   * Runs one image.
   *
   * @param restartBelow the history is dropped where t first falls below it
   * @param omitted steps left out at the end
   */
  static double[] run(
      SamplerSpec spec,
      NoiseSchedule schedule,
      double[] start,
      Model model,
      Prediction prediction,
      int restartBelow,
      int omitted) {
    SamplerPlan plan = SamplerPlan.of(spec, schedule.timesteps());
    Sampler sampler = Sampler.of(spec, schedule, prediction);
    NoiseSchedule followed = Sampler.schedule(spec, schedule);
    int n = start.length;
    FloatBuffer x = FloatBuffer.allocate(n);
    double[] x0 = new double[n];
    double[] eps = new double[n];
    for (int i = 0; i < n; i++) {
      x.put(i, (float) start[i]);
    }
    Sampler.Trajectory trajectory = sampler.begin(n);
    List<Sampler.Evaluation> evaluations = sampler.evaluations(plan);
    for (int k = 0; k < evaluations.size() - omitted; k++) {
      int t = evaluations.get(k).t();
      if (k > 0 && t < restartBelow && evaluations.get(k - 1).t() >= restartBelow) {
        trajectory = sampler.begin(n);
      }
      Mixture mixture = Mixture.of(prediction, followed, t);
      for (int i = 0; i < n; i++) {
        double y = (float) model.at(x.get(i), t);
        x0[i] = mixture.x0(x.get(i), y);
        eps[i] = mixture.eps(x.get(i), y);
      }
      int step = k;
      int[] element = {0};
      trajectory.step(x, x0, eps, t, evaluations.get(k).s(), () -> noise(element[0]++, step));
    }
    double[] result = new double[n];
    Arrays.setAll(result, i -> x.get(i));
    return result;
  }

  // As noise_of there.
  private static double noise(int i, int k) {
    return 1.5 * Math.sin(12.9898 * i + 78.233 * k + 1);
  }
}
