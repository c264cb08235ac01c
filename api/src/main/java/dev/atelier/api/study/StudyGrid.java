package dev.atelier.api.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.StudyDocument;
import dev.atelier.api.study.StudyMember.AxisValue;
import dev.atelier.spec.FormerName;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.StudySpec;
import dev.atelier.spec.StudySpec.Axis;
import dev.atelier.spec.StudySpec.Choice;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Every point of a study's grid as the document of an experiment. The last axis changes first. */
final class StudyGrid {

  private static final int MAX_NAME = 100;

  private StudyGrid() {}

  /** One value of an axis and what it sets. */
  private record Step(String field, AxisValue value, Map<String, Object> set) {}

  /**
   * A point of the grid with one seed.
   *
   * @param fields the steps that led here, such as {@code axes[0].values[1]}
   */
  record Point(List<String> fields, List<AxisValue> axes, ObjectNode document) {}

  /** What is wrong with the axes themselves, whatever the experiments are. */
  static List<SpecFault> faults(StudySpec study) {
    List<SpecFault> faults = new ArrayList<>();
    Set<String> names = new TreeSet<>();
    long members = Math.max(1, study.seeds().size());
    for (int i = 0; i < study.axes().size(); i++) {
      Axis axis = study.axes().get(i);
      String path = "axes[%d]".formatted(i);
      if (!names.add(axis.name())) {
        faults.add(
            new SpecFault(path + ".name", "names the axis '%s' again.".formatted(axis.name())));
      }
      if (axis.name().indexOf(':') >= 0) {
        faults.add(
            new SpecFault(
                path + ".name", "must have no colon, found '%s'.".formatted(axis.name())));
      }
      if (axis.field().isPresent() != axis.choices().isEmpty()) {
        faults.add(
            new SpecFault(path, "must have either a field with values or choices, not both."));
      } else if (axis.field().isPresent() && axis.values().isEmpty()) {
        faults.add(new SpecFault(path + ".values", "must name at least one value of the field."));
      } else if (axis.field().isEmpty() && !axis.values().isEmpty()) {
        faults.add(new SpecFault(path + ".values", "belong to a field, and none is named."));
      }
      for (int j = 0; j < axis.choices().size(); j++) {
        Set<String> set = axis.choices().get(j).set().keySet();
        String choice = "%s.choices[%d].set".formatted(path, j);
        FormerName.ALL.stream()
            .filter(name -> set.contains(name.former()) && set.contains(name.present()))
            .forEach(
                name ->
                    faults.add(
                        new SpecFault(
                            choice,
                            "sets %s, and %s, which is its former name: expected one of them."
                                .formatted(name.present(), name.former()))));
      }
      members *= Math.max(1, steps(axis, path).size());
    }
    if (members > StudySpec.MAX_MEMBERS) {
      faults.add(
          new SpecFault(
              "axes",
              "ask for %d experiments: expected at most %d."
                  .formatted(members, StudySpec.MAX_MEMBERS)));
    }
    if (study.seeds().stream().distinct().count() < study.seeds().size()) {
      faults.add(new SpecFault("seeds", "must differ, found %s.".formatted(study.seeds())));
    }
    return faults;
  }

  /** The grid; the axes must have no faults. */
  static List<Point> points(StudyDocument document) {
    StudySpec study = document.spec();
    List<List<Step>> points = List.of(List.of());
    for (int i = 0; i < study.axes().size(); i++) {
      List<Step> steps = steps(study.axes().get(i), "axes[%d]".formatted(i));
      List<List<Step>> longer = new ArrayList<>();
      for (List<Step> point : points) {
        for (Step step : steps) {
          List<Step> next = new ArrayList<>(point);
          next.add(step);
          longer.add(next);
        }
      }
      points = longer;
    }
    List<Long> seeds = study.seeds().isEmpty() ? List.of(study.base().seed()) : study.seeds();
    List<Point> grid = new ArrayList<>();
    for (long seed : seeds) {
      for (List<Step> point : points) {
        grid.add(point(document, point, seed));
      }
    }
    return grid;
  }

  private static List<Step> steps(Axis axis, String path) {
    List<Step> steps = new ArrayList<>();
    axis.field()
        .ifPresent(
            field -> {
              for (int j = 0; j < axis.values().size(); j++) {
                Object value = axis.values().get(j);
                String label = value instanceof String text ? text : SpecJson.write(value);
                steps.add(
                    new Step(
                        "%s.values[%d]".formatted(path, j),
                        new AxisValue(axis.name(), label),
                        Map.of(field, value)));
              }
            });
    for (int j = 0; j < axis.choices().size(); j++) {
      Choice choice = axis.choices().get(j);
      steps.add(
          new Step(
              "%s.choices[%d]".formatted(path, j),
              new AxisValue(axis.name(), choice.label()),
              choice.set()));
    }
    return steps;
  }

  private static Point point(StudyDocument source, List<Step> steps, long seed) {
    StudySpec study = source.spec();
    ObjectNode document = source.base().deepCopy();
    document.put("seed", seed);
    Map<String, String> labels = new LinkedHashMap<>(study.base().labels());
    labels.putAll(study.labels());
    labels.put("study", study.name());
    StringBuilder name = new StringBuilder(study.name());
    for (Step step : steps) {
      step.set()
          .forEach(
              (field, value) -> set(document, FormerName.present(field), SpecJson.tree(value)));
      labels.put(step.value().axis(), step.value().value());
      name.append(", ").append(step.value().axis()).append(' ').append(step.value().value());
    }
    name.append(", seed ").append(seed);
    document.put("name", name.substring(0, Math.min(MAX_NAME, name.length())));
    document.set("labels", SpecJson.tree(labels));
    return new Point(
        steps.stream().map(Step::field).toList(),
        steps.stream().map(Step::value).toList(),
        document);
  }

  /** Sets a field of the document; parents that are not there are made. */
  private static void set(ObjectNode document, String path, JsonNode value) {
    ObjectNode parent = document;
    String[] names = path.split("\\.", -1);
    for (int i = 0; i < names.length - 1; i++) {
      JsonNode child = parent.get(names[i]);
      if (child instanceof ArrayNode) {
        break; // the schema says what is wrong with what follows
      }
      parent = child instanceof ObjectNode object ? object : parent.putObject(names[i]);
    }
    parent.set(names[names.length - 1], value);
  }
}
