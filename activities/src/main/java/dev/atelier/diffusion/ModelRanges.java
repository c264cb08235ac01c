package dev.atelier.diffusion;

import dev.atelier.spec.TimestepRange;
import java.util.List;

/**
 * The plan of who owns which timestep: ranges that cover [0, T) without gap or overlap, in order.
 */
public record ModelRanges(List<TimestepRange> ranges, int timesteps) {

  public ModelRanges {
    ranges = List.copyOf(ranges);
    int next = 0;
    for (TimestepRange range : ranges) {
      if (range.low() != next) {
        throw new IllegalArgumentException(
            "Ranges must cover [0, %d) without gap or overlap: expected one that starts at %d, found %s."
                .formatted(timesteps, next, range));
      }
      next = range.high();
    }
    if (next != timesteps) {
      throw new IllegalArgumentException(
          "Ranges must cover [0, %d): they end at %d.".formatted(timesteps, next));
    }
  }

  /** Index of the model that owns {@code t}. */
  public int owner(int t) {
    for (int i = 0; i < ranges.size(); i++) {
      if (ranges.get(i).contains(t)) {
        return i;
      }
    }
    throw new IllegalArgumentException("Timestep %d is outside [0, %d).".formatted(t, timesteps));
  }
}
