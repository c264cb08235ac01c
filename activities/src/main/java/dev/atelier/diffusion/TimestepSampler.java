package dev.atelier.diffusion;

import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.spec.StudentsSpec.RangeDraw;
import dev.atelier.spec.TimestepRange;

/**
 * Draws each sample's t: with probability {@code specificProbability} (p) uniform over the model's
 * own range, else uniform over [0, {@code timesteps}). Zhang and Ma 2024, section 3.2.
 *
 * <p>{@code antithetic}: positions 2j and 2j + 1 of a batch share one draw, the second mirrored: t
 * and low + high − 1 − t, in the range that the draw came from. Each t alone has the same
 * distribution as without.
 *
 * <p>{@code rangeDraw}: whether each sample (or pair) draws between the two ranges, or all samples
 * of a step together. Each t alone has the same distribution; a batch is of one kind.
 */
public record TimestepSampler(
    TimestepRange range,
    int timesteps,
    double specificProbability,
    boolean antithetic,
    RangeDraw rangeDraw) {

  /** Each sample draws its own range. */
  public TimestepSampler(
      TimestepRange range, int timesteps, double specificProbability, boolean antithetic) {
    this(range, timesteps, specificProbability, antithetic, RangeDraw.SAMPLE);
  }

  /** Each t drawn for itself. */
  public TimestepSampler(TimestepRange range, int timesteps, double specificProbability) {
    this(range, timesteps, specificProbability, false);
  }

  public TimestepSampler {
    if (range.high() > timesteps) {
      throw new IllegalArgumentException(
          "Range %s is outside [0, %d).".formatted(range, timesteps));
    }
    if (!(specificProbability >= 0 && specificProbability <= 1)) {
      throw new IllegalArgumentException(
          "specificProbability must be in [0, 1], found %s.".formatted(specificProbability));
    }
  }

  /** Uniform over [0, {@code timesteps}), as a teacher needs. */
  public static TimestepSampler uniform(int timesteps) {
    return new TimestepSampler(new TimestepRange(0, timesteps), timesteps, 1.0);
  }

  /** The t of one sample of one step: a pure function of (seed, step, position). */
  public int draw(SeededRandom random, int step, int position) {
    boolean mirrored = antithetic && position % 2 == 1;
    SeededRandom.Stream stream =
        random.stream(Purpose.TIMESTEP, step, mirrored ? position - 1 : position);
    double ownDraw =
        switch (rangeDraw) {
          case SAMPLE -> stream.nextDouble();
          case BATCH -> random.stream(Purpose.RANGE, step, 0).nextDouble();
        };
    boolean own = ownDraw < specificProbability;
    TimestepRange drawnFrom = own ? range : new TimestepRange(0, timesteps);
    int t = drawnFrom.low() + stream.nextInt(drawnFrom.length());
    return mirrored ? drawnFrom.low() + drawnFrom.high() - 1 - t : t;
  }
}
