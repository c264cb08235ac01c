package dev.atelier.diffusion;

import dev.atelier.spec.TimestepRange;
import java.util.List;

/**
 * Cuts [0, T) where the noise level sigma = noise / signal rises through equal parts of
 * sigma^(1/7): each student owns as many steps of a sampler that is spaced so. Karras et al. 2022,
 * eq. 5.
 */
public final class KarrasCuts {

  private static final double RHO = 7; // as the paper has it

  private KarrasCuts() {}

  /**
   * {@code students} ranges, smallest timesteps first, as {@link SnrCuts#ranges}: range i (from 1)
   * ends before the first t with sigma^(1/7) of at least {@code min + i / students * (max - min)}.
   *
   * @throws IllegalArgumentException if there are fewer timesteps than students
   */
  public static List<TimestepRange> ranges(NoiseSchedule schedule, int students) {
    // sigma^(1/rho) is snr^(-1/(2 rho)).
    return SnrCuts.falling(
        schedule, students, t -> -StrictMath.pow(schedule.snr(t), -1 / (2 * RHO)));
  }
}
