package dev.atelier.api.study;

import dev.atelier.spec.ExperimentSpec;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** One experiment that a study asks for. */
public record StudyMember(List<AxisValue> axes, ExperimentSpec spec) {

  /** Where it lies on one axis. */
  public record AxisValue(String axis, String value) {}

  /** Its value on each axis. */
  Map<String, String> at() {
    return at(axes);
  }

  /** Values by axis. */
  static Map<String, String> at(List<AxisValue> axes) {
    return axes.stream().collect(Collectors.toMap(AxisValue::axis, AxisValue::value));
  }
}
