package dev.atelier.diffusion;

import java.nio.FloatBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * The eps of an image's last steps, from which the linear multistep method of Adams and Bashforth
 * makes that of the next one: of order 4 once there are four, for steps of equal length. Liu et al.
 * 2022, eq. 12.
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
  private final Deque<double[]> latest = new ArrayDeque<>(); // eps, [C·H·W]

  /** Of a {@code schedule} that has {@link NoiseSchedule#withSomeSignal some signal} everywhere. */
  Multistep(NoiseSchedule schedule, boolean clip) {
    this.schedule = schedule;
    this.clip = clip;
  }

  void add(double[] eps) {
    if (latest.size() == ORDER) {
      latest.removeLast();
    }
    latest.addFirst(eps);
  }

  /** The latest eps. */
  double[] last() {
    return latest.getFirst();
  }

  /** The eps of the step that begins now. */
  double[] extrapolated() {
    double[] coefficients = COEFFICIENTS[latest.size() - 1];
    double[] sum = new double[last().length];
    Iterator<double[]> eps = latest.iterator();
    for (double coefficient : coefficients) {
      double[] next = eps.next();
      for (int i = 0; i < sum.length; i++) {
        sum[i] += coefficient * next[i];
      }
    }
    return sum;
  }

  /** The predicted eps, or where x0 is clipped what that leaves of x. */
  double[] eps(FloatBuffer x, double[] x0, double[] predicted, int t) {
    double[] eps = predicted.clone();
    if (clip) {
      for (int i = 0; i < eps.length; i++) {
        eps[i] = (x.get(i) - schedule.signal(t) * Sampler.clip(x0[i], true)) / schedule.noise(t);
      }
    }
    return eps;
  }

  /** Writes to {@code x} where {@code from} at t comes to at s. Liu et al. 2022, eq. 11. */
  void move(double[] from, double[] eps, int t, int s, FloatBuffer x) {
    double weightOfX = schedule.signal(s) / schedule.signal(t);
    double weightOfEps = schedule.noise(s) - weightOfX * schedule.noise(t);
    for (int i = 0; i < from.length; i++) {
      x.put(i, (float) (weightOfX * from[i] + weightOfEps * eps[i]));
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
