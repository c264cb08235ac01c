package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.atelier.spec.StudentsSpec.StartFrom;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.NotNull;
import java.util.List;
import java.util.Optional;

/** What a student becomes that is trained anew; absent settings stay as they are. */
public record StudentReplacement(
    @JsonPropertyDescription("Its architecture") @NotNull Optional<@Valid NetworkSpec> network,
    @JsonPropertyDescription("Training settings that change") @NotNull @Valid
        TrainingOverrides training,
    @JsonPropertyDescription(
            "p: a sample's t is uniform over its own range with probability p, else over [0, T)")
        @NotNull
        Optional<@DecimalMin("0") @DecimalMax("1") Double> specificProbability,
    @JsonPropertyDescription("Weights of its loss") @NotNull Optional<@Valid LossSpec> loss,
    @JsonPropertyDescription("Whether t are drawn in mirrored pairs") @NotNull
        Optional<Boolean> antithetic,
    @JsonPropertyDescription(
            "Weights that it starts from: random, teacher-magnitude, teacher-taylor or one-to-one")
        @NotNull
        Optional<StartFrom> startFrom) {

  public StudentReplacement {
    network = network == null ? Optional.empty() : network;
    training = training == null ? TrainingOverrides.NONE : training;
    specificProbability = specificProbability == null ? Optional.empty() : specificProbability;
    loss = loss == null ? Optional.empty() : loss;
    antithetic = antithetic == null ? Optional.empty() : antithetic;
    startFrom = startFrom == null ? Optional.empty() : startFrom;
  }

  /** Returns {@code students} as if all of them were like the replacement. */
  public StudentsSpec appliedTo(StudentsSpec students) {
    return StudentsSpecBuilder.builder(students)
        .network(network.orElse(students.network()))
        .training(training.applyTo(students.training()))
        .specificProbability(specificProbability.orElse(students.specificProbability()))
        .loss(loss.orElse(students.loss()))
        .overrides(List.of())
        .antithetic(antithetic.orElse(students.antithetic()))
        .startFrom(startFrom.orElse(students.startFrom()))
        .build();
  }
}
