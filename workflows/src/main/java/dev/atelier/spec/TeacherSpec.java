package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;

/** The large model that is trained first and then distilled. */
public record TeacherSpec(
    @JsonPropertyDescription("Architecture of the teacher") @NotNull @Valid NetworkSpec network,
    @JsonPropertyDescription("How the teacher is trained") @NotNull @Valid TrainingSpec training) {

  public TeacherSpec {
    network = network == null ? NetworkSpec.ofWidth(128) : network;
    training = training == null ? TrainingSpec.DEFAULTS : training;
  }
}
