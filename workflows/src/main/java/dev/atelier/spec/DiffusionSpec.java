package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.util.Optional;

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
        Double betaEnd,
    @JsonPropertyDescription(
            "teacher: as the imported teacher's source says, and as above where it says nothing; absent: as above, with which the source must agree. An experiment with teacher.source and without diffusion has teacher")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<From> from) {

  /** Who says what the forward process is, in place of the spec. */
  public enum From {
    @JsonProperty("teacher")
    TEACHER
  }

  /** As an imported teacher's source says. */
  public static final DiffusionSpec OF_TEACHER =
      new DiffusionSpec(null, null, null, null, Optional.of(From.TEACHER));

  /** How beta grows with t. */
  public enum Schedule {
    @JsonProperty("linear")
    LINEAR, // Ho et al. 2020
    @JsonProperty("cosine")
    COSINE // Nichol & Dhariwal 2021, eq. 17
  }

  /** As the spec says. */
  public DiffusionSpec(Integer timesteps, Schedule schedule, Double betaStart, Double betaEnd) {
    this(timesteps, schedule, betaStart, betaEnd, Optional.empty());
  }

  public DiffusionSpec {
    timesteps = timesteps == null ? 1000 : timesteps;
    schedule = schedule == null ? Schedule.LINEAR : schedule;
    betaStart = betaStart == null ? 1e-4 : betaStart;
    betaEnd = betaEnd == null ? 0.02 : betaEnd;
    from = from == null ? Optional.empty() : from;
  }

  /** Whether an imported teacher's source says what it is. */
  @JsonIgnore
  public boolean isTeachers() {
    return from.isPresent();
  }

  /** The same, said by the spec. */
  public DiffusionSpec settled() {
    return new DiffusionSpec(timesteps, schedule, betaStart, betaEnd);
  }
}
