package dev.atelier.api.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.FormerName;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.StudySpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Reads fields that a document calls by their former names. */
final class FormerNames {

  private static final String STUDENTS = "students.";

  private FormerNames() {}

  /** Those that a document of this type may have, with paths in it. */
  static List<FormerName> of(Class<?> type) {
    Stream<FormerName> all = FormerName.ALL.stream();
    if (type == ExperimentSpec.class) {
      return all.toList();
    }
    if (type == StudySpec.class) {
      return all.map(
              name ->
                  new FormerName("base." + name.former(), "base." + name.present(), name.until()))
          .toList();
    }
    if (type == StudentReplacement.class) {
      return all.filter(name -> name.former().startsWith(STUDENTS))
          .map(
              name ->
                  new FormerName(
                      name.former().substring(STUDENTS.length()),
                      name.present().substring(STUDENTS.length()),
                      name.until()))
          .toList();
    }
    return List.of();
  }

  /**
   * Puts present names in the place of former ones, and returns the fault of each field that has
   * two values by its two names. Equal ones are an answer of ours that comes back.
   */
  static Map<FieldPath, String> replace(ObjectNode document, Class<?> type) {
    Map<FieldPath, String> faults = new LinkedHashMap<>();
    for (FormerName name : of(type)) {
      List<String> former = steps(name.former());
      if (parent(document, former) instanceof ObjectNode then && then.has(last(former))) {
        JsonNode value = then.remove(last(former));
        String present = last(steps(name.present()));
        JsonNode other = then.path(present);
        if (other.isMissingNode() || other.isNull()) {
          then.set(present, value);
        } else if (!(value.isNull() || same(value, other))) {
          faults.put(
              new FieldPath(List.copyOf(former)),
              "is the former name of %s: expected one of them, found %s and %s."
                  .formatted(name.present(), value, other));
        }
      }
    }
    return faults;
  }

  /** Adds former names to the schema of a document, as deprecated. */
  static void describe(ObjectNode schema, Class<?> type) {
    for (FormerName name : of(type)) {
      ObjectNode holder = schema;
      List<String> present = steps(name.present());
      for (String step : present.subList(0, present.size() - 1)) {
        holder = resolved((ObjectNode) holder.get("properties").get(step), schema);
      }
      ObjectNode properties = (ObjectNode) holder.get("properties");
      ObjectNode former = properties.get(last(present)).deepCopy();
      former.put("deprecated", true);
      former.put(
          "description",
          "The former name of %s, until version %s".formatted(last(present), name.until()));
      former.remove("default"); // beside the present name's it would be given twice
      properties.set(last(steps(name.former())), former);
    }
  }

  private static ObjectNode resolved(ObjectNode node, ObjectNode root) {
    return node.has("$ref") ? (ObjectNode) root.at(node.get("$ref").asText().substring(1)) : node;
  }

  /** As numbers, 1 and 1.0 say the same. */
  private static boolean same(JsonNode one, JsonNode other) {
    boolean numbers = one.isNumber() && other.isNumber();
    return numbers ? one.asDouble() == other.asDouble() : one.equals(other);
  }

  private static JsonNode parent(ObjectNode document, List<String> path) {
    JsonNode at = document;
    for (String step : path.subList(0, path.size() - 1)) {
      at = at.path(step);
    }
    return at;
  }

  private static List<String> steps(String path) {
    return List.of(path.split("\\."));
  }

  private static String last(List<String> path) {
    return path.get(path.size() - 1);
  }
}
