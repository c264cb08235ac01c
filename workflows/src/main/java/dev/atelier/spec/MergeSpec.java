package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Optional;

/** How trained students are joined into fewer models, to save memory. */
public record MergeSpec(
    @JsonPropertyDescription(
            "none; average (all students into one, the mean of their weights); task-arithmetic (all into one, start + sum of w_i (student_i - start)); greedy (neighbours that cost least distance, until memoryBudget is met)")
        @NotNull
        Kind kind,
    @JsonPropertyDescription(
            "w_i of task-arithmetic, one per student; empty: searched by the distance")
        @NotNull
        @Size(max = 500)
        List<@NotNull Double> weights,
    @JsonPropertyDescription(
            "Resident weights that greedy merges down to: at most 1, a fraction of all students'; above 1, bytes; absent: 0.5")
        @NotNull
        Optional<@DecimalMin(value = "0", inclusive = false) Double> memoryBudget,
    @JsonPropertyDescription(
            "Largest increase of the distance by one merge of greedy, which is otherwise not made; absent: any")
        @NotNull
        Optional<@DecimalMin("0") Double> largestIncrease,
    @JsonPropertyDescription("Distances that greedy, or a search of weights, may measure in all")
        @NotNull
        @Min(1)
        @Max(100_000)
        Integer evaluations,
    @JsonPropertyDescription(
            "Images sampled for each of these distances; more than the extractor has features, and at least 64")
        @NotNull
        @Min(2)
        @Max(1_000_000)
        Integer samples) {

  /** The rule that joins students. */
  public enum Kind {
    @JsonProperty("none")
    NONE,
    @JsonProperty("average")
    AVERAGE, // all into one: mean of the weights
    @JsonProperty("task-arithmetic")
    TASK_ARITHMETIC, // all into one: start + sum of w_i (student_i - start)
    @JsonProperty("greedy")
    GREEDY // neighbours that cost least distance, until a memory budget is met
  }

  /** No merge. */
  public static final MergeSpec NONE =
      new MergeSpec(Kind.NONE, List.of(), Optional.empty(), Optional.empty(), null, null);

  private static final double DEFAULT_BUDGET = 0.5;

  public MergeSpec {
    kind = kind == null ? Kind.NONE : kind;
    weights = weights == null ? List.of() : List.copyOf(weights);
    memoryBudget = memoryBudget == null ? Optional.empty() : memoryBudget;
    largestIncrease = largestIncrease == null ? Optional.empty() : largestIncrease;
    evaluations = evaluations == null ? 32 : evaluations;
    samples = samples == null ? 256 : samples;
  }

  /** The memory budget in bytes, where all students together take {@code studentBytes}. */
  public long budgetBytes(long studentBytes) {
    double budget = memoryBudget.orElse(DEFAULT_BUDGET);
    return (long) (budget <= 1 ? budget * studentBytes : budget);
  }

  /** Whether distances are measured to find out what to merge. */
  public boolean searches() {
    return kind == Kind.GREEDY || (kind == Kind.TASK_ARITHMETIC && weights.isEmpty());
  }
}
