package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;

/** The search, among the trained models, for which of them should own which range. */
public record ScheduleSearchSpec(
    @JsonPropertyDescription("Schedules whose distance may be measured; 0: no search")
        @NotNull
        @Min(0)
        @Max(100_000)
        Integer evaluations,
    @JsonPropertyDescription(
            "Images sampled per schedule; more than the extractor has features, and at least 64")
        @NotNull
        @Min(2)
        @Max(1_000_000)
        Integer samples) {

  /** No search. */
  public static final ScheduleSearchSpec NONE = new ScheduleSearchSpec(0, null);

  public ScheduleSearchSpec {
    evaluations = evaluations == null ? 0 : evaluations;
    samples = samples == null ? 256 : samples;
  }

  /** Whether there is anything to search. */
  public boolean wanted() {
    return evaluations > 0;
  }
}
