package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.NotNull;

/**
 * Weights of the student's loss: w_eps ||eps - eps_S||^2 + w_kd ||eps_T - eps_S||^2 + w_feat
 * L_feat.
 */
public record LossSpec(
    @JsonPropertyDescription("w_eps, weight of ||eps - eps_S||^2") @NotNull @DecimalMin("0")
        Double diffusion,
    @JsonPropertyDescription("w_kd, weight of ||eps_T - eps_S||^2") @NotNull @DecimalMin("0")
        Double prediction,
    @JsonPropertyDescription("Feature distillation") @NotNull @Valid FeatureLossSpec feature) {

  /** Without feature distillation. */
  public LossSpec(Double diffusion, Double prediction) {
    this(diffusion, prediction, FeatureLossSpec.NONE);
  }

  public LossSpec {
    diffusion = diffusion == null ? 1.0 : diffusion;
    prediction = prediction == null ? 1.0 : prediction;
    feature = feature == null ? FeatureLossSpec.NONE : feature;
  }
}
