package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A set of experiments that answers one question: one experiment for each point of the grid over
 * the axes, for each seed.
 */
public record StudySpec(
    @JsonPropertyDescription("Name of the study, shown in lists") @NotNull @Size(min = 1, max = 60)
        String name,
    @JsonPropertyDescription("The question that the study answers") @NotNull @Size(max = 500)
        String question,
    @JsonPropertyDescription("Free key-value pairs that each of its experiments gets too")
        @NotNull
        @Size(max = 24)
        Map<@Size(min = 1, max = 63) String, @Size(max = 255) String> labels,
    @JsonPropertyDescription("What the experiments have in common") @NotNull @Valid
        ExperimentSpec base,
    @JsonPropertyDescription("What differs between them: each axis multiplies the experiments")
        @NotNull
        @Size(max = 6)
        List<@NotNull @Valid Axis> axes,
    @JsonPropertyDescription("Each point of the grid runs once per seed; empty: the seed of base")
        @NotNull
        @Size(max = 100)
        List<@NotNull Long> seeds,
    @JsonPropertyDescription("Experiments that run at once, at most") @NotNull @Min(1) @Max(64)
        Integer atOnce,
    @JsonPropertyDescription(
            "How long experiments whose models failed are waited for once all others have ended; then they are canceled and the report is written without them")
        @NotNull
        @Min(0)
        @Max(8760)
        Integer awaitRetryHours,
    @JsonPropertyDescription(
            "What is claimed of the experiments, by others or by you: the report says of each claim whether it holds")
        @NotNull
        @Size(max = 100)
        @JsonInclude(JsonInclude.Include.NON_EMPTY) // equal specs of earlier versions stay equal
        List<@NotNull @Valid ClaimSpec> scorecard) {

  /** Most experiments of one study. */
  public static final int MAX_MEMBERS = 400;

  /** Most bytes of their specs together, as JSON: the study's history holds each twice. */
  public static final int MAX_MEMBER_BYTES = 4_000_000;

  /**
   * One thing that differs: either a field and its values, or choices that each set several fields.
   */
  public record Axis(
      @JsonPropertyDescription("Its name in tables and plots, such as N")
          @NotNull
          @Size(min = 1, max = 40)
          String name,
      @JsonPropertyDescription("Path of a field of the experiment's spec, such as students.count")
          @NotNull
          Optional<@Size(min = 1, max = 200) String> field,
      @JsonPropertyDescription("Values of that field") @NotNull @Size(max = 100)
          List<Object> values,
      @JsonPropertyDescription("In place of a field: named sets of fields that change together")
          @NotNull
          @Size(max = 100)
          List<@NotNull @Valid Choice> choices) {

    public Axis {
      field = field == null ? Optional.empty() : field;
      values = values == null ? List.of() : List.copyOf(values);
      choices = choices == null ? List.of() : List.copyOf(choices);
    }
  }

  /** One point of an axis. */
  public record Choice(
      @JsonPropertyDescription("Its name in tables and plots, such as uniform")
          @NotNull
          @Size(min = 1, max = 60)
          String label,
      @JsonPropertyDescription("Value by path of the field; empty: as base has it") @NotNull
          Map<String, Object> set) {

    public Choice {
      set = set == null ? Map.of() : Map.copyOf(set);
    }
  }

  public StudySpec {
    name = name == null ? "study" : name;
    question = question == null ? "" : question;
    labels = labels == null ? Map.of() : Map.copyOf(labels);
    base = base == null ? ExperimentSpecBuilder.builder().build() : base;
    axes = axes == null ? List.of() : List.copyOf(axes);
    seeds = seeds == null ? List.of() : List.copyOf(seeds);
    atOnce = atOnce == null ? 2 : atOnce;
    awaitRetryHours = awaitRetryHours == null ? 24 : awaitRetryHours;
    scorecard = scorecard == null ? List.of() : List.copyOf(scorecard);
  }
}
