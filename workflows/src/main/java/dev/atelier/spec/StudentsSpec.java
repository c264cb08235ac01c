package dev.atelier.spec;

import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.util.List;

/** The specialists: student i (1-based) owns the i-th range of timesteps, counted from t = 0. */
public record StudentsSpec(
    @NotNull @Min(1) @Max(500) Integer count, // N
    @NotNull @Valid NetworkSpec network,
    @NotNull @Valid TrainingSpec training,
    @NotNull @Valid AssignmentSpec assignment,
    // p: a sample's t is uniform over the student's own range with probability p, else over [0, T)
    @NotNull @DecimalMin("0") @DecimalMax("1") Double specificProbability,
    @NotNull @Valid LossSpec loss,
    @NotNull List<@NotNull @Valid StudentOverride> overrides,
    @NotNull Boolean oneToOneBaseline // also train one student over [0, T), same size and steps
    ) {

  /** Settings of one student that differ from the common ones. */
  public record StudentOverride(
      @NotNull @Min(1) Integer student, @NotNull @Valid TrainingOverrides training) {

    public StudentOverride {
      training = training == null ? TrainingOverrides.NONE : training;
    }
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
  }

  /** The overrides that the spec names for one student, or none. */
  public TrainingOverrides overridesOf(int student) {
    return overrides.stream()
        .filter(o -> o.student() == student)
        .map(StudentOverride::training)
        .reduce(TrainingOverrides.NONE, TrainingOverrides::then);
  }
}
