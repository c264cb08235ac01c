package dev.atelier.diffusion;

import dev.atelier.spec.TimestepRange;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/**
 * Cuts [0, T) where the log signal-to-noise ratio, log-SNR(t) = log(alphasCumprod_t / (1 -
 * alphasCumprod_t)), falls through equal parts of its way from log-SNR(0) to log-SNR(T - 1), or
 * log-SNR(T - 2) where nothing is left of the image at T - 1. Kingma et al. 2021, "Variational
 * Diffusion Models", section 3.1, defines the ratio.
 */
public final class SnrCuts {

  private SnrCuts() {}

  /** log-SNR(t), natural logarithm. */
  public static double logSnr(NoiseSchedule schedule, int t) {
    return StrictMath.log(schedule.snr(t));
  }

  /**
   * {@code students} ranges, smallest timesteps first: range i (from 1) ends before the first t
   * whose log-SNR is at most {@code max - i / students * (max - min)}. A range that would be empty
   * takes one timestep of the next, or of the one before it at the end.
   *
   * @throws IllegalArgumentException if there are fewer timesteps than students
   */
  public static List<TimestepRange> ranges(NoiseSchedule schedule, int students) {
    return falling(schedule, students, t -> logSnr(schedule, t));
  }

  /** The same of another figure that falls with t, as the signal-to-noise ratio does. */
  static List<TimestepRange> falling(
      NoiseSchedule schedule, int students, IntToDoubleFunction figure) {
    int timesteps = schedule.timesteps();
    if (students < 1 || students > timesteps) {
      throw new IllegalArgumentException(
          "%d students cannot share %d timesteps.".formatted(students, timesteps));
    }
    double max = figure.applyAsDouble(0);
    boolean ends = schedule.signal(timesteps - 1) > 0; // else the ratio falls to nothing at T - 1
    double min = figure.applyAsDouble(ends ? timesteps - 1 : timesteps - 2);
    List<TimestepRange> ranges = new ArrayList<>();
    int low = 0;
    for (int i = 1; i <= students; i++) {
      double level = max - (double) i / students * (max - min);
      int high = low + 1;
      while (high < timesteps && figure.applyAsDouble(high) > level) {
        high++;
      }
      // Each later range needs a timestep of its own; the last one ends at T.
      high = i == students ? timesteps : Math.min(high, timesteps - (students - i));
      ranges.add(new TimestepRange(low, high));
      low = high;
    }
    return List.copyOf(ranges);
  }
}
