package dev.atelier.spec;

import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;

/** The large model that is trained first and then distilled. */
public record TeacherSpec(
    @NotNull @Valid NetworkSpec network, @NotNull @Valid TrainingSpec training) {

  public TeacherSpec {
    network = network == null ? NetworkSpec.ofWidth(128) : network;
    training = training == null ? TrainingSpec.DEFAULTS : training;
  }
}
