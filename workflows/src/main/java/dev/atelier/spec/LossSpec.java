package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.NotNull;
import java.util.Optional;

/**
 * Weights of the student's loss: w_diffusion ||y - y_S||^2 + w_distillation ||y_T - y_S||^2 +
 * w_feature L_feature, y what is predicted.
 */
public record LossSpec(
    @JsonPropertyDescription("Weight of the diffusion loss, ||y - y_S||^2")
        @NotNull
        @DecimalMin("0")
        Double diffusion,
    @JsonPropertyDescription("Weight of the distillation loss, ||y_T - y_S||^2")
        @NotNull
        @DecimalMin("0")
        Double distillation,
    @JsonPropertyDescription("Feature distillation") @NotNull @Valid FeatureLossSpec feature,
    @JsonPropertyDescription(
            "How far the teacher's prediction, which the student learns, is led on from that without class or text (Ho & Salimans 2022, eq. 6, as diffusers counts it: 1 is the prediction itself); the student then needs one pass a step. Absent: the prediction itself")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<@DecimalMin("1") @DecimalMax("100") Double> guidance) {

  /** Of the teacher's prediction itself. */
  public LossSpec(Double diffusion, Double distillation, FeatureLossSpec feature) {
    this(diffusion, distillation, feature, Optional.empty());
  }

  /** Without feature distillation. */
  public LossSpec(Double diffusion, Double distillation) {
    this(diffusion, distillation, FeatureLossSpec.NONE);
  }

  public LossSpec {
    diffusion = diffusion == null ? 1.0 : diffusion;
    distillation = distillation == null ? 1.0 : distillation;
    feature = feature == null ? FeatureLossSpec.NONE : feature;
    guidance = guidance == null ? Optional.empty() : guidance.filter(scale -> scale != 1);
  }

  /** Of a document, which may have the former name alone: rows and histories do for ever. */
  @JsonCreator
  static LossSpec read(
      @JsonProperty("diffusion") Double diffusion,
      @JsonProperty("distillation") Double distillation,
      @JsonProperty("prediction") Double former,
      @JsonProperty("feature") FeatureLossSpec feature,
      @JsonProperty("guidance") Optional<Double> guidance) {
    return new LossSpec(diffusion, distillation == null ? former : distillation, feature, guidance);
  }

  /** What earlier versions read it by, beside its name until {@link FormerName} says. */
  @JsonProperty("prediction")
  Double formerDistillation() {
    return distillation;
  }
}
