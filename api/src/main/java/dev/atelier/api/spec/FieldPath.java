package dev.atelier.api.spec;

import com.networknt.schema.path.NodePath;
import jakarta.validation.ElementKind;
import jakarta.validation.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a value stands in a document: names of fields and indexes of lists, written as {@code
 * students.network.multipliers[2]}.
 */
record FieldPath(List<Object> steps) {

  FieldPath {
    steps = List.copyOf(steps);
  }

  static FieldPath of(NodePath path) {
    List<Object> steps = new ArrayList<>();
    for (int i = 0; i < path.getNameCount(); i++) {
      steps.add(path.getElement(i));
    }
    return new FieldPath(steps);
  }

  static FieldPath of(Path path) {
    List<Object> steps = new ArrayList<>();
    for (Path.Node node : path) {
      if (node.getIndex() != null) {
        steps.add(node.getIndex());
      } else if (node.getKey() != null) {
        steps.add(node.getKey().toString());
      }
      if (node.getKind() == ElementKind.PROPERTY) {
        steps.add(node.getName());
      }
    }
    return new FieldPath(steps);
  }

  FieldPath child(Object step) {
    List<Object> longer = new ArrayList<>(steps);
    longer.add(step);
    return new FieldPath(longer);
  }

  boolean isRoot() {
    return steps.isEmpty();
  }

  FieldPath parent() {
    return new FieldPath(steps.subList(0, steps.size() - 1));
  }

  Object last() {
    return steps.get(steps.size() - 1);
  }

  /** Whether {@code other} is this value or a part of it. */
  boolean holds(FieldPath other) {
    return other.steps.size() >= steps.size() && other.steps.subList(0, steps.size()).equals(steps);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (Object step : steps) {
      if (step instanceof Integer index) {
        text.append('[').append(index).append(']');
      } else {
        text.append(text.length() == 0 ? "" : ".").append(step);
      }
    }
    return text.toString();
  }
}
