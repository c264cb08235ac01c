package dev.atelier.api.study;

import dev.atelier.spec.ExperimentSpec;
import java.util.List;

/** One experiment that a study asks for. */
public record StudyMember(List<AxisValue> axes, ExperimentSpec spec) {

  /** Where it lies on one axis. */
  public record AxisValue(String axis, String value) {}
}
