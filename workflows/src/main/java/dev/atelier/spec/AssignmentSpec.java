package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.NotNull;
import java.util.ArrayList;
import java.util.List;

/** How [0, T) is cut into one range per student. */
public record AssignmentSpec(
    @JsonPropertyDescription(
            "Rule that sets the boundaries: uniform T·i/N, power T·(i/N)^gamma, or explicit")
        @NotNull
        Kind kind,
    @JsonPropertyDescription("Exponent of power; more than 1 gives small timesteps more students")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        Double gamma,
    @JsonPropertyDescription("Boundaries of explicit: 0, …, T, one more than students") @NotNull
        List<@NotNull Integer> boundaries) {

  /** The rule that sets the boundaries. */
  public enum Kind {
    @JsonProperty("uniform")
    UNIFORM, // T·i/N
    @JsonProperty("power")
    POWER, // T·(i/N)^gamma: gamma > 1 gives small timesteps more students
    @JsonProperty("explicit")
    EXPLICIT // as given
  }

  public AssignmentSpec {
    kind = kind == null ? Kind.UNIFORM : kind;
    gamma = gamma == null ? 1.0 : gamma;
    boundaries = boundaries == null ? List.of() : List.copyOf(boundaries);
  }

  /** Cuts [0, {@code timesteps}) into {@code students} ranges, smallest timesteps first. */
  public List<TimestepRange> ranges(int students, int timesteps) {
    List<Integer> cuts = cuts(students, timesteps);
    List<TimestepRange> ranges = new ArrayList<>();
    for (int i = 1; i < cuts.size(); i++) {
      ranges.add(new TimestepRange(cuts.get(i - 1), cuts.get(i)));
    }
    return List.copyOf(ranges);
  }

  /** The boundaries 0, …, {@code timesteps} of the ranges, one more than there are students. */
  List<Integer> cuts(int students, int timesteps) {
    return switch (kind) {
      case EXPLICIT -> boundaries;
      case UNIFORM -> powerCuts(students, timesteps, 1.0);
      case POWER -> powerCuts(students, timesteps, gamma);
    };
  }

  private static List<Integer> powerCuts(int students, int timesteps, double gamma) {
    List<Integer> cuts = new ArrayList<>();
    for (int i = 0; i <= students; i++) {
      cuts.add((int) Math.round(timesteps * Math.pow((double) i / students, gamma)));
    }
    return cuts;
  }
}
