package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.NotNull;
import java.util.ArrayList;
import java.util.List;

/** How [0, T) is cut into one range per student. */
public record AssignmentSpec(
    @NotNull Kind kind,
    @NotNull @DecimalMin(value = "0", inclusive = false) Double gamma, // for power
    @NotNull List<@NotNull Integer> boundaries // for explicit: 0, …, T, one more than students
    ) {

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
    List<Integer> cuts =
        switch (kind) {
          case EXPLICIT -> boundaries;
          case UNIFORM -> powerCuts(students, timesteps, 1.0);
          case POWER -> powerCuts(students, timesteps, gamma);
        };
    List<TimestepRange> ranges = new ArrayList<>();
    for (int i = 1; i < cuts.size(); i++) {
      ranges.add(new TimestepRange(cuts.get(i - 1), cuts.get(i)));
    }
    return List.copyOf(ranges);
  }

  private static List<Integer> powerCuts(int students, int timesteps, double gamma) {
    List<Integer> cuts = new ArrayList<>();
    for (int i = 0; i <= students; i++) {
      cuts.add((int) Math.round(timesteps * Math.pow((double) i / students, gamma)));
    }
    return cuts;
  }
}
