package dev.atelier.diffusion;

import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.spec.TimestepRange;

/**
 * Draws each sample's t: with probability {@code specificProbability} (p) uniform over the model's
 * own range, else uniform over [0, {@code timesteps}). Zhang and Ma 2024, section 3.2.
 */
public record TimestepSampler(TimestepRange range, int timesteps, double specificProbability) {

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
    SeededRandom.Stream stream = random.stream(Purpose.TIMESTEP, step, position);
    boolean own = stream.nextDouble() < specificProbability;
    return own ? range.low() + stream.nextInt(range.length()) : stream.nextInt(timesteps);
  }
}
