package dev.atelier.spec;

/** The timesteps [{@code low}, {@code high}) that one model owns. */
public record TimestepRange(int low, int high) {

  public TimestepRange {
    if (low < 0 || high <= low) {
      throw new IllegalArgumentException(
          "A timestep range needs 0 <= low < high, found [%d, %d).".formatted(low, high));
    }
  }

  public boolean contains(int t) {
    return t >= low && t < high;
  }

  public int length() {
    return high - low;
  }

  @Override
  public String toString() {
    return "[%d, %d)".formatted(low, high);
  }
}
