package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.util.ArrayList;
import java.util.List;

/** How [0, T) is cut into one range per student. */
public record AssignmentSpec(
    @JsonPropertyDescription(
            "Rule that sets the boundaries: uniform T·i/N, power T·(i/N)^gamma, explicit, snr (equal parts of the log signal-to-noise ratio), karras (equal parts of the 7th root of the noise level), measured (least drift within ranges, measured on the teacher), or visits (equally many steps of evaluation.sampler)")
        @NotNull
        Kind kind,
    @JsonPropertyDescription("Exponent of power; more than 1 gives small timesteps more students")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        Double gamma,
    @JsonPropertyDescription("Boundaries of explicit: 0, …, T, one more than students") @NotNull
        List<@NotNull Integer> boundaries,
    @JsonPropertyDescription(
            "What measured compares between timesteps: input (Fréchet distance of x_t), feature (Fréchet distance of the teacher's mid-block features) or cka (linear CKA of those features)")
        @NotNull
        Signal signal,
    @JsonPropertyDescription("Equal parts of [0, T) between which measured may cut")
        @NotNull
        @Min(2)
        @Max(1000)
        Integer bins,
    @JsonPropertyDescription("Images of the dataset that measured looks at, in every bin")
        @NotNull
        @Min(8)
        @Max(4096)
        Integer images,
    @JsonPropertyDescription(
            "How measured counts drift: none (all alike), or visits (as often as steps of evaluation.sampler fall on it)")
        @NotNull
        Weight weight) {

  static final int DEFAULT_BINS = 50;
  static final int DEFAULT_IMAGES = 256;

  /** The rule that sets the boundaries. */
  public enum Kind {
    @JsonProperty("uniform")
    UNIFORM, // T·i/N
    @JsonProperty("power")
    POWER, // T·(i/N)^gamma: gamma > 1 gives small timesteps more students
    @JsonProperty("explicit")
    EXPLICIT, // as given
    @JsonProperty("snr")
    SNR, // equal parts of log(alphasCumprod / (1 - alphasCumprod))
    @JsonProperty("karras")
    KARRAS, // equal parts of (noise / signal)^(1/7); Karras et al. 2022, eq. 5
    @JsonProperty("measured")
    MEASURED, // least drift within the ranges, measured on the teacher
    @JsonProperty("visits")
    VISITS // equally many steps of the sampler
  }

  /** How drift is counted. */
  public enum Weight {
    @JsonProperty("none")
    NONE, // all alike
    @JsonProperty("visits")
    VISITS // as often as the sampler's steps fall on it
  }

  /** What is compared between timesteps. */
  public enum Signal {
    @JsonProperty("input")
    INPUT, // Fréchet distance of the network's input
    @JsonProperty("feature")
    FEATURE, // Fréchet distance of the teacher's mid-block features
    @JsonProperty("cka")
    CKA // linear centred kernel alignment of those features
  }

  /** Without what only {@code measured} reads. */
  public AssignmentSpec(Kind kind, Double gamma, List<Integer> boundaries) {
    this(kind, gamma, boundaries, null, null, null);
  }

  /** All drift counts alike. */
  public AssignmentSpec(
      Kind kind,
      Double gamma,
      List<Integer> boundaries,
      Signal signal,
      Integer bins,
      Integer images) {
    this(kind, gamma, boundaries, signal, bins, images, null);
  }

  public AssignmentSpec {
    kind = kind == null ? Kind.UNIFORM : kind;
    gamma = gamma == null ? 1.0 : gamma;
    boundaries = boundaries == null ? List.of() : List.copyOf(boundaries);
    signal = signal == null ? Signal.FEATURE : signal;
    bins = bins == null ? DEFAULT_BINS : bins;
    images = images == null ? DEFAULT_IMAGES : images;
    weight = weight == null ? Weight.NONE : weight;
  }

  /**
   * Whether the ranges are known only once the experiment runs: they depend on the noise schedule
   * or on the teacher.
   */
  public boolean plannedLater() {
    return switch (kind) {
      case SNR, KARRAS, MEASURED -> true;
      case UNIFORM, POWER, EXPLICIT, VISITS -> false;
    };
  }

  /**
   * Cuts [0, {@code timesteps}) into {@code students} ranges, smallest timesteps first.
   *
   * @param sampler whose steps {@code visits} shares out
   * @throws IllegalStateException if they are {@linkplain #plannedLater planned later}
   */
  public List<TimestepRange> ranges(int students, int timesteps, SamplerSpec sampler) {
    List<Integer> cuts = cuts(students, timesteps, sampler);
    List<TimestepRange> ranges = new ArrayList<>();
    for (int i = 1; i < cuts.size(); i++) {
      ranges.add(new TimestepRange(cuts.get(i - 1), cuts.get(i)));
    }
    return List.copyOf(ranges);
  }

  /** The boundaries 0, …, {@code timesteps} of the ranges, one more than there are students. */
  List<Integer> cuts(int students, int timesteps, SamplerSpec sampler) {
    return switch (kind) {
      case EXPLICIT -> boundaries;
      case UNIFORM -> powerCuts(students, timesteps, 1.0);
      case POWER -> powerCuts(students, timesteps, gamma);
      case VISITS -> visitCuts(students, timesteps, sampler.timesteps(timesteps));
      case SNR, KARRAS, MEASURED ->
          throw new IllegalStateException(
              "The ranges of kind %s are not known yet.".formatted(kind));
    };
  }

  /** Half way between the last step of one student and the first of the next. */
  private static List<Integer> visitCuts(int students, int timesteps, List<Integer> visited) {
    List<Integer> cuts = new ArrayList<>(List.of(0));
    for (int i = 1; i < students; i++) {
      int first = visited.size() * i / students; // of the next student
      cuts.add((visited.get(first - 1) + visited.get(first) + 1) / 2);
    }
    cuts.add(timesteps);
    return cuts;
  }

  private static List<Integer> powerCuts(int students, int timesteps, double gamma) {
    List<Integer> cuts = new ArrayList<>();
    for (int i = 0; i <= students; i++) {
      cuts.add((int) Math.round(timesteps * Math.pow((double) i / students, gamma)));
    }
    return cuts;
  }
}
