package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Something that is said of a study's experiments, and the rule by which its figures decide it. */
public record ClaimSpec(
    @JsonPropertyDescription("What is claimed, such as: 1.8 times as fast as the teacher")
        @NotNull
        @Size(min = 1, max = 200)
        String text,
    @JsonPropertyDescription("The figure that was claimed; absent: it is not known to us")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Double> figure,
    @JsonPropertyDescription("What is measured for it") @NotNull Measure measure,
    @JsonPropertyDescription("Whose figure it is") @NotNull @Valid Side of,
    @JsonPropertyDescription(
            "What it is compared with, of the same seed; fields that are left out are as in of. Absent: the claim is of one figure alone")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Valid Side> against,
    @JsonPropertyDescription(
            "How both are compared: difference (the figure less that of against) or ratio (divided by it); absent: difference")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Comparison> comparison,
    @JsonPropertyDescription(
            "When it holds: the mean over the seeds is at-most or at-least the bound, or near it, within tolerance")
        @NotNull
        Rule rule,
    @JsonPropertyDescription("What the rule compares the mean with; absent: figure")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Double> bound,
    @JsonPropertyDescription("How far from the bound near is")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@DecimalMin("0") Double> tolerance) {

  /**
   * Experiments of a study, and a subject of theirs.
   *
   * @param at the value of each axis; an axis that is left out: the mean over its values
   */
  public record Side(
      @JsonPropertyDescription("The models that were measured; absent: o2mkd")
          @NotNull
          @JsonInclude(JsonInclude.Include.NON_ABSENT)
          Optional<Subject> subject,
      @JsonPropertyDescription(
              "The value, or the label of the choice, by name of an axis; an axis that is left out: the mean over its values")
          @NotNull
          @Size(max = 6)
          Map<String, Object> at) {

    public Side {
      subject = subject == null ? Optional.empty() : subject;
      at = at == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(at));
    }

    /** The values as the grid has them, by axis. */
    public Map<String, String> labels() {
      Map<String, String> labels = new LinkedHashMap<>();
      at.forEach((axis, value) -> labels.put(axis, String.valueOf(value)));
      return labels;
    }
  }

  /** Who is measured in an experiment. */
  public enum Subject {
    @JsonProperty("teacher")
    TEACHER,
    @JsonProperty("one-to-one")
    ONE_TO_ONE,
    @JsonProperty("o2mkd")
    O2MKD,
    @JsonProperty("merged")
    MERGED
  }

  /** What is measured of a subject. */
  public enum Measure {
    @JsonProperty("fid")
    FID("FID"), // the Fréchet distance of Inception's features, and no other
    @JsonProperty("distance")
    DISTANCE("Fréchet distance"), // of the features that the experiments have
    @JsonProperty("kernel-distance")
    KERNEL_DISTANCE("kernel distance"),
    @JsonProperty("class-score")
    CLASS_SCORE("class score"),
    @JsonProperty("precision")
    PRECISION("precision"),
    @JsonProperty("recall")
    RECALL("recall"),
    @JsonProperty("clip-score")
    CLIP_SCORE("CLIP score"), // of samples and their prompts
    @JsonProperty("clip-distance")
    CLIP_DISTANCE("CMMD"),
    @JsonProperty("macs-per-step")
    MACS_PER_STEP("MACs per step"),
    @JsonProperty("parameters")
    PARAMETERS("parameters"),
    @JsonProperty("images-per-second")
    IMAGES_PER_SECOND("images per second"),
    @JsonProperty("peak-memory")
    PEAK_MEMORY("peak memory"); // bytes

    private final String title;

    Measure(String title) {
      this.title = title;
    }

    /** What people call it. */
    public String title() {
      return title;
    }

    /** Whether it follows from the networks alone, so that one seed tells it. */
    public boolean exact() {
      return this == MACS_PER_STEP || this == PARAMETERS;
    }

    /** Whether a CLIP model judges it. */
    boolean needsClip() {
      return this == CLIP_SCORE || this == CLIP_DISTANCE;
    }

    /** Whether it compares samples with the images of the dataset, not with statistics alone. */
    boolean needsImages() {
      return this == KERNEL_DISTANCE || this == PRECISION || this == RECALL;
    }
  }

  /** How two figures are compared. */
  public enum Comparison {
    @JsonProperty("difference")
    DIFFERENCE,
    @JsonProperty("ratio")
    RATIO
  }

  /** When a claim holds. */
  public enum Rule {
    @JsonProperty("at-most")
    AT_MOST,
    @JsonProperty("at-least")
    AT_LEAST,
    @JsonProperty("near")
    NEAR // within the tolerance
  }

  public ClaimSpec {
    figure = figure == null ? Optional.empty() : figure;
    of = of == null ? new Side(Optional.empty(), Map.of()) : of;
    against = against == null ? Optional.empty() : against;
    comparison = comparison == null ? Optional.empty() : comparison;
    bound = bound == null ? Optional.empty() : bound;
    tolerance = tolerance == null ? Optional.empty() : tolerance;
  }

  /** The subject that the claim is of. */
  public Subject subject() {
    return of.subject().orElse(Subject.O2MKD);
  }

  /** The other side, with what it has in common with the first. */
  public Optional<Side> otherSide() {
    return against.map(
        side -> {
          Map<String, Object> at = new LinkedHashMap<>(of.at());
          at.putAll(side.at());
          return new Side(side.subject().or(() -> Optional.of(subject())), at);
        });
  }
}
