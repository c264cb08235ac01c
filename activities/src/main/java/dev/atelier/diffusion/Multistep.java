package dev.atelier.diffusion;

import dev.atelier.spec.Prediction;
import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * The eps of an image's last steps, from which the linear multistep method of Adams and Bashforth
 * makes that of the next one: of order 4 once there are four, for steps of equal length. Liu et al.
 * 2022, eq. 12. Where models predict v it is v, as in diffusers, and made eps by each step.
 */
final class Multistep {
  private static final int ORDER = 4;
  private static final double[][] COEFFICIENTS = { // latest first
    {1},
    {3 / 2.0, -1 / 2.0},
    {23 / 12.0, -16 / 12.0, 5 / 12.0},
    {55 / 24.0, -59 / 24.0, 37 / 24.0, -9 / 24.0}
  };

  /** How many numbers of each pixel it keeps. */
  static final int REMEMBERED = ORDER;

  private final NoiseSchedule schedule;
  private final boolean clip;
  private final boolean ofV;
  private final Deque<double[]> latest = new ArrayDeque<>(); // eps or v, [C·H·W]

  /** Of a {@code schedule} that has {@link NoiseSchedule#withSomeSignal some signal} everywhere. */
  Multistep(NoiseSchedule schedule, boolean clip, Prediction predicted) {
    this.schedule = schedule;
    this.ofV = predicted == Prediction.V;
    this.clip = clip;
  }

  void add(double[] said) {
    if (latest.size() == ORDER) {
      latest.removeLast();
    }
    latest.addFirst(said);
  }

  /** The latest. */
  double[] last() {
    return latest.getFirst();
  }

  /** That of the step that begins now. */
  double[] extrapolated() {
    double[] coefficients = COEFFICIENTS[latest.size() - 1];
    double[] sum = new double[last().length];
    Iterator<double[]> said = latest.iterator();
    for (double coefficient : coefficients) {
      double[] next = said.next();
      for (int i = 0; i < sum.length; i++) {
        sum[i] += coefficient * next[i];
      }
    }
    return sum;
  }

  /** The predicted eps, or where x0 is clipped what that leaves of x; or v of both. */
  double[] said(FloatBuffer x, double[] x0, double[] ofEps, int t) {
    double signal = schedule.signal(t);
    double noise = schedule.noise(t);
    double[] said = ofEps.clone();
    for (int i = 0; i < said.length; i++) {
      double clean = Sampler.clip(x0[i], clip);
      if (clip) {
        said[i] = (x.get(i) - signal * clean) / noise;
      }
      if (ofV) {
        said[i] = signal * said[i] - noise * clean;
      }
    }
    return said;
  }

  /** Writes to {@code x} where {@code from} at t comes to at s. Liu et al. 2022, eq. 11. */
  void move(double[] from, double[] said, int t, int s, FloatBuffer x) {
    double signal = schedule.signal(t);
    double noise = schedule.noise(t);
    double weightOfX = schedule.signal(s) / signal;
    double weightOfEps = schedule.noise(s) - weightOfX * noise;
    for (int i = 0; i < from.length; i++) {
      double eps = ofV ? signal * said[i] + noise * from[i] : said[i];
      x.put(i, (float) (weightOfX * from[i] + weightOfEps * eps));
    }
  }

  static double[] copy(FloatBuffer x) {
    double[] values = new double[x.limit()];
    for (int i = 0; i < values.length; i++) {
      values[i] = x.get(i);
    }
    return values;
  }
}
