package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.soabase.recordbuilder.core.RecordBuilder;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.util.Optional;

/** The forward process q(x_t | x_0), and what networks predict of it. Ho et al. 2020, section 2. */
@RecordBuilder
public record DiffusionSpec(
    @JsonPropertyDescription("T, the number of timesteps of the forward process")
        @NotNull
        @Min(10)
        @Max(10_000)
        Integer timesteps,
    @JsonPropertyDescription(
            "How beta grows with t: linear (Ho et al. 2020), scaled-linear (its root does; Rombach et al. 2022) or cosine (Nichol & Dhariwal 2021); or flow: no beta, a straight line from the image to noise (Liu et al. 2023), the default where flow is predicted")
        @NotNull
        Schedule schedule,
    @JsonPropertyDescription("beta at t = 0; read by linear and scaled-linear")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        @DecimalMax("1")
        Double betaStart,
    @JsonPropertyDescription("beta at t = T - 1; read by linear and scaled-linear")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        @DecimalMax("1")
        Double betaEnd,
    @JsonPropertyDescription(
            "teacher: as the imported teacher's source says, and as above where it says nothing; absent: as above, with which the source must agree. An experiment with teacher.source and without diffusion has teacher")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<From> from,
    @JsonPropertyDescription(
            "What networks predict: eps, the noise in x_t (the default), x0, the image, v (signal eps - noise x0) or flow (eps - x0)")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Prediction> prediction,
    @JsonPropertyDescription("What students predict; absent: what the teacher does")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Prediction> studentPrediction,
    @JsonPropertyDescription(
            "Whether betas are rescaled so that nothing of the image is left at T - 1 (Lin et al. 2024); for networks that don't predict eps")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Boolean> zeroTerminalSnr) {

  /** Who says what the forward process is, in place of the spec. */
  public enum From {
    @JsonProperty("teacher")
    TEACHER
  }

  /** Ho et al. 2020: a thousand steps of linear betas, and networks that predict eps. */
  public static final DiffusionSpec DEFAULTS = DiffusionSpecBuilder.builder().build();

  /** As an imported teacher's source says. */
  public static final DiffusionSpec OF_TEACHER =
      DiffusionSpecBuilder.builder().from(Optional.of(From.TEACHER)).build();

  /** How beta grows with t. */
  public enum Schedule {
    @JsonProperty("linear")
    LINEAR, // Ho et al. 2020
    @JsonProperty("cosine")
    COSINE, // Nichol & Dhariwal 2021, eq. 17
    @JsonProperty("scaled-linear")
    SCALED_LINEAR, // the root of beta is linear; Rombach et al. 2022
    @JsonProperty("flow")
    FLOW; // x_t = (1 - (t + 1) / T) x_0 + (t + 1) / T eps; Liu et al. 2023

    /** Whether it goes from betaStart to betaEnd. */
    public boolean readsBetas() {
      return this == LINEAR || this == SCALED_LINEAR;
    }
  }

  /** As the spec says, for networks that predict eps. */
  public DiffusionSpec(Integer timesteps, Schedule schedule, Double betaStart, Double betaEnd) {
    this(
        timesteps,
        schedule,
        betaStart,
        betaEnd,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  public DiffusionSpec {
    timesteps = timesteps == null ? 1000 : timesteps;
    betaStart = betaStart == null ? 1e-4 : betaStart;
    betaEnd = betaEnd == null ? 0.02 : betaEnd;
    from = from == null ? Optional.empty() : from;
    // What is said and what is meant without a word are equal.
    prediction = prediction == null ? Optional.empty() : prediction;
    prediction = prediction.filter(p -> p != Prediction.EPS);
    Prediction all = prediction.orElse(Prediction.EPS);
    if (schedule == null) {
      schedule = all == Prediction.FLOW ? Schedule.FLOW : Schedule.LINEAR;
    }
    studentPrediction = studentPrediction == null ? Optional.empty() : studentPrediction;
    studentPrediction = studentPrediction.filter(p -> p != all);
    zeroTerminalSnr = zeroTerminalSnr == null ? Optional.empty() : zeroTerminalSnr;
    zeroTerminalSnr = zeroTerminalSnr.filter(zero -> zero);
  }

  /** Whether an imported teacher's source says what it is. */
  @JsonIgnore
  public boolean isTeachers() {
    return from.isPresent();
  }

  /** Whether nothing of x_0 is left in x_t at the last timestep. */
  public boolean endsInNoise() {
    return zeroTerminalSnr.isPresent() || schedule == Schedule.FLOW;
  }

  /** What the teacher predicts. */
  public Prediction teacherPredicts() {
    return prediction.orElse(Prediction.EPS);
  }

  /** What students predict, and what is merged of them. */
  public Prediction studentsPredict() {
    return studentPrediction.orElse(teacherPredicts());
  }

  /** The same, said by the spec. */
  public DiffusionSpec settled() {
    return with(Optional.empty(), teacherPredicts(), studentPrediction);
  }

  /** The same for a model that predicts {@code own}, whatever others do. */
  public DiffusionSpec predicting(Prediction own) {
    return with(from, own, Optional.empty());
  }

  /** The same for a teacher, whose students predict as {@code like} says. */
  public DiffusionSpec withStudentsLike(DiffusionSpec like) {
    return with(from, teacherPredicts(), like.studentPrediction);
  }

  private DiffusionSpec with(
      Optional<From> from, Prediction teacher, Optional<Prediction> students) {
    return DiffusionSpecBuilder.builder(this)
        .from(from)
        .prediction(Optional.of(teacher))
        .studentPrediction(students)
        .build();
  }
}
