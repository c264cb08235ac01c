package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;

/** Which checkpoints of a model stay; each that any of the three rules names. */
public record RetentionSpec(
    @JsonPropertyDescription(
            "The newest ones; at least 2, so that a damaged one has another to fall back to")
        @NotNull
        @Min(2)
        @Max(1000)
        Integer last,
    @JsonPropertyDescription(
            "Those with the lowest training loss (its mean since the checkpoint before)")
        @NotNull
        @Min(0)
        @Max(1000)
        Integer best,
    @JsonPropertyDescription("The first one from each multiple of so many steps on; 0: none")
        @NotNull
        @Min(0)
        Integer everySteps) {

  /** The newest two. */
  public static final RetentionSpec DEFAULTS = new RetentionSpec(null, null, null);

  public RetentionSpec {
    last = last == null ? 2 : last;
    best = best == null ? 0 : best;
    everySteps = everySteps == null ? 0 : everySteps;
  }
}
