package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.util.List;

/** The specialists: student i (1-based) owns the i-th range of timesteps, counted from t = 0. */
public record StudentsSpec(
    @JsonPropertyDescription("N, the number of students") @NotNull @Min(1) @Max(500) Integer count,
    @JsonPropertyDescription("Architecture of each student") @NotNull @Valid NetworkSpec network,
    @JsonPropertyDescription("How each student is trained") @NotNull @Valid TrainingSpec training,
    @JsonPropertyDescription("How [0, T) is cut into one range per student") @NotNull @Valid
        AssignmentSpec assignment,
    @JsonPropertyDescription(
            "p: a sample's t is uniform over the student's own range with probability p, else over [0, T)")
        @NotNull
        @DecimalMin("0")
        @DecimalMax("1")
        Double specificProbability,
    @JsonPropertyDescription("Weights of the loss") @NotNull @Valid LossSpec loss,
    @JsonPropertyDescription("Training settings of single students that differ") @NotNull
        List<@NotNull @Valid StudentOverride> overrides,
    @JsonPropertyDescription("Also train one student of the same size and steps over [0, T)")
        @NotNull
        Boolean oneToOneBaseline,
    @JsonPropertyDescription(
            "Draw t in pairs (t, low + high - 1 - t), mirrored in the range that the pair is drawn from")
        @NotNull
        Boolean antithetic) {

  /** Settings of one student that differ from the common ones. */
  public record StudentOverride(
      @JsonPropertyDescription("Number of the student, from 1") @NotNull @Min(1) Integer student,
      @JsonPropertyDescription("Settings that differ") @NotNull @Valid TrainingOverrides training) {

    public StudentOverride {
      training = training == null ? TrainingOverrides.NONE : training;
    }
  }

  /** Each t drawn for itself. */
  public StudentsSpec(
      Integer count,
      NetworkSpec network,
      TrainingSpec training,
      AssignmentSpec assignment,
      Double specificProbability,
      LossSpec loss,
      List<StudentOverride> overrides,
      Boolean oneToOneBaseline) {
    this(
        count,
        network,
        training,
        assignment,
        specificProbability,
        loss,
        overrides,
        oneToOneBaseline,
        null);
  }

  public StudentsSpec {
    count = count == null ? 4 : count;
    network = network == null ? NetworkSpec.ofWidth(96) : network;
    training = training == null ? TrainingSpec.DEFAULTS : training;
    assignment = assignment == null ? new AssignmentSpec(null, null, null) : assignment;
    specificProbability = specificProbability == null ? 0.8 : specificProbability;
    loss = loss == null ? new LossSpec(null, null) : loss;
    overrides = overrides == null ? List.of() : List.copyOf(overrides);
    oneToOneBaseline = oneToOneBaseline == null ? Boolean.FALSE : oneToOneBaseline;
    antithetic = antithetic == null ? Boolean.FALSE : antithetic;
  }

  /** The overrides that the spec names for one student, or none. */
  public TrainingOverrides overridesOf(int student) {
    return overrides.stream()
        .filter(o -> o.student() == student)
        .map(StudentOverride::training)
        .reduce(TrainingOverrides.NONE, TrainingOverrides::then);
  }
}
