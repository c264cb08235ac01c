package dev.atelier.api.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/** Checks a document against a JSON Schema and says in sentences what is wrong. */
final class SchemaCheck {

  // YAML 1.1 reads 1e-3 as text because it has no dot.
  private static final Pattern NUMBER_WITHOUT_DOT = Pattern.compile("[-+]?[0-9]+[eE][-+]?[0-9]+");

  private static final String NOT_TOLD = "is wrong, too."; // beyond those that are told

  private final JsonNode definition;
  private final Schema schema;

  SchemaCheck(JsonNode definition) {
    this.definition = definition;
    this.schema =
        SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12).getSchema(definition);
  }

  /**
   * Returns the faults of {@code document} by path, and takes out of it each value that has one, so
   * that the rest can be bound.
   */
  Map<FieldPath, String> takeFaults(ObjectNode document) {
    readNumbers(document, definition);
    Map<FieldPath, String> faults = new LinkedHashMap<>();
    unstorable(document, new FieldPath(List.of()), faults);
    faults.keySet().forEach(path -> remove(document, path));
    List<FieldPath> wrong = new ArrayList<>(faults.keySet());
    for (Error error : schema.validate(document)) {
      FieldPath path = pathOf(error);
      wrong.add(path);
      if (!leftOut(error, path)) {
        faults.putIfAbsent(
            path,
            faults.size() < RefusedDocumentException.MOST_FAULTS
                ? sentence(error, path)
                : NOT_TOLD);
      }
    }
    wrong.forEach(path -> remove(document, path));
    return faults;
  }

  private static FieldPath pathOf(Error error) {
    FieldPath path = FieldPath.of(error.getInstanceLocation());
    return switch (error.getKeyword()) {
      case "additionalProperties", "required" -> path.child(error.getProperty());
      default -> path;
    };
  }

  /** Whether the value is null in place of a field that has a default. */
  private boolean leftOut(Error error, FieldPath path) {
    return error.getInstanceNode() != null
        && error.getInstanceNode().isNull()
        && !path.isRoot()
        && schemaAt(path.parent()).path("properties").has(path.last().toString())
        && !required(path);
  }

  private boolean required(FieldPath path) {
    return StreamSupport.stream(schemaAt(path.parent()).path("required").spliterator(), false)
        .anyMatch(name -> name.asText().equals(path.last()));
  }

  private String sentence(Error error, FieldPath path) {
    JsonNode found = error.getInstanceNode();
    JsonNode limit = error.getSchemaNode();
    return switch (error.getKeyword()) {
      case "additionalProperties" -> unknownField(path);
      case "required" -> "is required.";
      case "type" -> "must be %s, found %s.".formatted(typeNames(limit), shown(found));
      case "enum" ->
          "must be one of %s, found %s.%s"
              .formatted(joined(limit), shown(found), hint(found, limit));
      case "minimum" -> "must be at least %s, found %s.".formatted(limit.asText(), shown(found));
      case "maximum" -> "must be at most %s, found %s.".formatted(limit.asText(), shown(found));
      case "exclusiveMinimum" ->
          "must be more than %s, found %s.".formatted(limit.asText(), shown(found));
      case "exclusiveMaximum" ->
          "must be less than %s, found %s.".formatted(limit.asText(), shown(found));
      case "minLength" ->
          "must have at least %s characters, found %d."
              .formatted(limit.asText(), found.asText().length());
      case "maxLength" ->
          "must have at most %s characters, found %d."
              .formatted(limit.asText(), found.asText().length());
      case "minItems", "minProperties" ->
          "must have at least %s entries, found %d.".formatted(limit.asText(), found.size());
      case "maxItems", "maxProperties" ->
          "must have at most %s entries, found %d.".formatted(limit.asText(), found.size());
      case "pattern" ->
          "must match %s, found %s."
              .formatted(limit.asText().replaceAll("^\\^\\(\\?:|\\)\\$$", ""), shown(found));
      default -> error.getMessage();
    };
  }

  private String unknownField(FieldPath path) {
    List<String> known = new ArrayList<>();
    schemaAt(path.parent()).path("properties").fieldNames().forEachRemaining(known::add);
    String name = path.last().toString();
    return NearestName.to(name, known)
        .map("is not a known field: did you mean '%s'?"::formatted)
        .orElseGet(
            () -> "is not a known field: expected one of %s.".formatted(String.join(", ", known)));
  }

  private static String hint(JsonNode found, JsonNode allowed) {
    List<String> names = new ArrayList<>();
    allowed.forEach(value -> names.add(value.asText()));
    Optional<String> near =
        found.isTextual() ? NearestName.to(found.asText(), names) : Optional.empty();
    return near.map(" Did you mean '%s'?"::formatted).orElse("");
  }

  private static String typeNames(JsonNode types) {
    return types.isArray()
        ? StreamSupport.stream(types.spliterator(), false)
            .map(JsonNode::asText)
            .filter(type -> !type.equals("null"))
            .map(SchemaCheck::withArticle)
            .collect(Collectors.joining(" or "))
        : withArticle(types.asText());
  }

  private static String withArticle(String type) {
    return switch (type) {
      case "integer" -> "a whole number";
      case "array" -> "a list";
      case "object" -> "a set of fields";
      case "string" -> "text";
      case "boolean" -> "true or false";
      default -> "a " + type;
    };
  }

  private static String shown(JsonNode value) {
    return switch (value.getNodeType()) {
      case STRING -> "'%s'".formatted(abridged(value.asText()));
      case ARRAY -> "a list";
      case OBJECT -> "a set of fields";
      case NULL, MISSING -> "nothing";
      case NUMBER, BOOLEAN, BINARY, POJO -> abridged(value.asText());
    };
  }

  private static String abridged(String text) {
    return text.length() <= 60 ? text : text.substring(0, 59) + "…";
  }

  private static String joined(JsonNode values) {
    return StreamSupport.stream(values.spliterator(), false)
        .map(JsonNode::asText)
        .collect(Collectors.joining(", "));
  }

  private JsonNode schemaAt(FieldPath path) {
    JsonNode at = definition;
    for (Object step : path.steps()) {
      at = step instanceof Integer ? items(at) : property(at, step.toString());
    }
    return at;
  }

  private JsonNode items(JsonNode list) {
    return resolve(list.path("items"));
  }

  private JsonNode property(JsonNode object, String name) {
    JsonNode property = object.path("properties").path(name);
    return resolve(property.isMissingNode() ? object.path("additionalProperties") : property);
  }

  private JsonNode resolve(JsonNode node) {
    return node.has("$ref") ? definition.at(node.get("$ref").asText().substring(1)) : node;
  }

  private void readNumbers(JsonNode value, JsonNode expected) {
    if (value instanceof ObjectNode object) {
      for (Map.Entry<String, JsonNode> field : object.properties()) {
        JsonNode type = property(expected, field.getKey());
        number(field.getValue(), type).ifPresent(field::setValue);
        readNumbers(field.getValue(), type);
      }
    } else if (value instanceof ArrayNode list) {
      for (int i = 0; i < list.size(); i++) {
        int index = i;
        number(list.get(i), items(expected)).ifPresent(n -> list.set(index, n));
        readNumbers(list.get(i), items(expected));
      }
    }
  }

  private static Optional<JsonNode> number(JsonNode value, JsonNode expected) {
    String types = expected.path("type").toString();
    boolean wanted = types.contains("number") || types.contains("integer");
    return wanted && value.isTextual() && NUMBER_WITHOUT_DOT.matcher(value.asText()).matches()
        ? Optional.of(JsonNodeFactory.instance.numberNode(Double.parseDouble(value.asText())))
        : Optional.empty();
  }

  private static void unstorable(JsonNode value, FieldPath path, Map<FieldPath, String> faults) {
    if (value.isFloatingPointNumber() && !Double.isFinite(value.asDouble())) {
      faults.put(path, "must be a finite number, found %s.".formatted(value.asText()));
    } else if (value.isTextual() && !isPlainText(value.asText())) {
      faults.put(path, "must be Unicode text without the character NUL.");
    } else if (value instanceof ObjectNode object) {
      for (Map.Entry<String, JsonNode> field : object.properties()) {
        if (!isPlainText(field.getKey())) {
          faults.put(path.child(field.getKey()), "has a name that is no Unicode text without NUL.");
        }
        unstorable(field.getValue(), path.child(field.getKey()), faults);
      }
    } else if (value instanceof ArrayNode list) {
      for (int i = 0; i < list.size(); i++) {
        unstorable(list.get(i), path.child(i), faults);
      }
    }
  }

  /** Whether Postgres can store the text: not NUL, nor half of a surrogate pair. */
  private static boolean isPlainText(String text) {
    return text.indexOf('\0') < 0 && StandardCharsets.UTF_8.newEncoder().canEncode(text);
  }

  /** Takes out the value at {@code path}: of a list entry, the whole list. */
  private static void remove(ObjectNode document, FieldPath path) {
    if (path.isRoot()) {
      document.removeAll();
      return;
    }
    FieldPath field = path;
    while (field.last() instanceof Integer) {
      field = field.parent();
    }
    JsonNode holder = document;
    for (Object step : field.parent().steps()) {
      holder = step instanceof Integer index ? holder.path(index) : holder.path(step.toString());
    }
    if (holder instanceof ObjectNode object) {
      object.remove(field.last().toString());
    }
  }
}
