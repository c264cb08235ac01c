package dev.atelier.spec;

import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.NotNull;

/** Weights of the student's loss: w_eps ||eps - eps_S||^2 + w_kd ||eps_T - eps_S||^2. */
public record LossSpec(
    @NotNull @DecimalMin("0") Double diffusion, // w_eps
    @NotNull @DecimalMin("0") Double prediction // w_kd
    ) {

  public LossSpec {
    diffusion = diffusion == null ? 1.0 : diffusion;
    prediction = prediction == null ? 1.0 : prediction;
  }
}
