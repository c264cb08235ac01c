package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;

/** The forward process q(x_t | x_0). Ho et al. 2020, section 2. */
public record DiffusionSpec(
    @JsonPropertyDescription("T, the number of timesteps of the forward process")
        @NotNull
        @Min(10)
        @Max(10_000)
        Integer timesteps,
    @JsonPropertyDescription(
            "How beta grows with t: linear (Ho et al. 2020) or cosine (Nichol & Dhariwal 2021)")
        @NotNull
        Schedule schedule,
    @JsonPropertyDescription("beta at t = 0; read by the linear schedule")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        @DecimalMax("1")
        Double betaStart,
    @JsonPropertyDescription("beta at t = T - 1; read by the linear schedule")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        @DecimalMax("1")
        Double betaEnd) {

  /** How beta grows with t. */
  public enum Schedule {
    @JsonProperty("linear")
    LINEAR, // Ho et al. 2020
    @JsonProperty("cosine")
    COSINE // Nichol & Dhariwal 2021, eq. 17
  }

  public DiffusionSpec {
    timesteps = timesteps == null ? 1000 : timesteps;
    schedule = schedule == null ? Schedule.LINEAR : schedule;
    betaStart = betaStart == null ? 1e-4 : betaStart;
    betaEnd = betaEnd == null ? 0.02 : betaEnd;
  }
}
