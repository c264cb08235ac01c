package dev.atelier.spec;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * How many steps of a sampler ask each range.
 *
 * @param ranges in order
 * @param counts of steps, one per range
 */
public record Visits(List<TimestepRange> ranges, List<Integer> counts) {

  public Visits {
    ranges = List.copyOf(ranges);
    counts = List.copyOf(counts);
  }

  /**
   * Counts them.
   *
   * @param timesteps that the sampler visits
   */
  public static Visits of(List<TimestepRange> ranges, List<Integer> timesteps) {
    return new Visits(ranges, ranges.stream().map(range -> in(range, timesteps)).toList());
  }

  /** How many of {@code timesteps} are in {@code range}. */
  public static int in(TimestepRange range, List<Integer> timesteps) {
    return (int) timesteps.stream().filter(range::contains).count();
  }

  /** A sentence that names the students whose ranges no step asks; empty: there are none. */
  public Optional<String> warning() {
    List<Integer> unasked =
        IntStream.range(0, counts.size()).filter(i -> counts.get(i) == 0).boxed().toList();
    return unasked.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "No step of evaluation.sampler asks %s: none is in %s. Expected another students.assignment, such as visits, or another evaluation.sampler.spacing."
                .formatted(
                    unasked.stream()
                        .map(i -> "student-" + (i + 1))
                        .collect(Collectors.joining(", ")),
                    unasked.stream()
                        .map(i -> ranges.get(i).toString())
                        .collect(Collectors.joining(", "))));
  }
}
