package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.Optional;

/** Whose turn it is when more work waits than workers are free. */
public record SchedulingSpec(
    @JsonPropertyDescription("1 (first) to 5 (last); waiting work of a lower number goes first")
        @NotNull
        @Min(1)
        @Max(5)
        Integer priority,
    @JsonPropertyDescription(
            "Work of one key shares its turns, such as the name of a team; absent: the study, if any")
        @NotNull
        Optional<@Size(min = 1, max = 64) String> fairnessKey,
    @JsonPropertyDescription("Turns of the key in proportion to the weights of other keys")
        @NotNull
        @DecimalMin("0.001")
        @DecimalMax("1000")
        Double fairnessWeight) {

  /** In the middle, with no key. */
  public static final SchedulingSpec DEFAULTS = new SchedulingSpec(null, Optional.empty(), null);

  public SchedulingSpec {
    priority = priority == null ? 3 : priority;
    fairnessKey = fairnessKey == null ? Optional.empty() : fairnessKey;
    fairnessWeight = fairnessWeight == null ? 1.0 : fairnessWeight;
  }
}
