package dev.atelier.api.contract;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** An OpenAPI 3.1 document that calls of the server are held against. */
final class OpenApiContract {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> METHODS =
      List.of("get", "put", "post", "delete", "patch", "head", "options");

  /**
   * A call and its answer.
   *
   * @param path of the URI, decoded or not
   * @param request the body that was sent, if it was JSON
   * @param type content type of the answer, without parameters; empty: there is no body
   */
  record Call(
      String method, String path, Optional<String> request, int status, String type, String body) {}

  /** An operation of the document. */
  record Operation(String id, String method, Pattern path, int variables, JsonNode description) {

    /** Statuses from 200 to 299 that the document names. */
    List<Integer> successes() {
      List<Integer> statuses = new ArrayList<>();
      description
          .get("responses")
          .fieldNames()
          .forEachRemaining(
              status -> {
                if (status.startsWith("2")) {
                  statuses.add(Integer.parseInt(status));
                }
              });
      return statuses;
    }
  }

  private final JsonNode components;
  private final List<Operation> operations = new ArrayList<>();
  private final SchemaRegistry registry =
      SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
  private final Map<String, Schema> schemas = new HashMap<>();

  OpenApiContract(String document) throws IOException {
    JsonNode root = JSON.readTree(document);
    components = closed(root.get("components"));
    root.get("paths")
        .properties()
        .forEach(
            path ->
                path.getValue()
                    .properties()
                    .forEach(
                        method -> {
                          if (METHODS.contains(method.getKey())) {
                            operations.add(operation(path.getKey(), method));
                          }
                        }));
    operations.sort(Comparator.comparingInt(Operation::variables));
  }

  /** What in the document's own schemas is not as JSON Schema wants it, as sentences. */
  List<String> invalidSchemas() {
    List<String> faults = new ArrayList<>();
    components
        .get("schemas")
        .properties()
        .forEach(schema -> invalid(schema.getKey(), schema.getValue(), faults));
    for (Operation operation : operations) {
      for (JsonNode schema : operation.description().findValues("schema")) {
        invalid(operation.id(), schema, faults);
      }
    }
    return faults;
  }

  private void invalid(String place, JsonNode schema, List<String> faults) {
    registry
        .getSchema(SchemaLocation.of(SpecificationVersion.DRAFT_2020_12.getDialectId()))
        .validate(schema)
        .forEach(
            error ->
                faults.add(
                    "%s%s %s".formatted(place, error.getInstanceLocation(), error.getMessage())));
  }

  private static Operation operation(String path, Map.Entry<String, JsonNode> method) {
    return new Operation(
        method.getValue().path("operationId").asText(),
        method.getKey().toUpperCase(Locale.ROOT),
        Pattern.compile(path.replaceAll("\\{[^}]+}", "[^/]+")),
        path.split("\\{", -1).length,
        method.getValue());
  }

  /** What a schema doesn't name is no part of the contract, so that answers may not have it. */
  private static JsonNode closed(JsonNode components) {
    for (JsonNode schema : components.get("schemas")) {
      if (schema.has("properties") && !schema.has("additionalProperties")) {
        ((ObjectNode) schema).put("additionalProperties", false);
      }
    }
    return components;
  }

  List<Operation> operations() {
    return List.copyOf(operations);
  }

  /** The operation that a request is of. */
  Optional<Operation> operationOf(String method, String path) {
    return operations.stream()
        .filter(o -> o.method().equals(method) && o.path().matcher(path).matches())
        .findFirst();
  }

  /** What of a call the document doesn't say, as sentences. */
  List<String> faults(Call call) {
    Optional<Operation> found = operationOf(call.method(), call.path());
    if (found.isEmpty()) {
      return call.status() == 404 || call.status() == 405
          ? List.of()
          : List.of("The document has no such operation, the server answers " + call.status());
    }
    JsonNode responses = found.get().description().get("responses");
    JsonNode response = responses.path(Integer.toString(call.status()));
    if (response.isMissingNode()) {
      // "default" stands for errors that any operation may have, such as one of the server's own.
      response = call.status() >= 400 ? responses.path("default") : response;
    }
    if (response.isMissingNode()) {
      return List.of("The document has no status " + call.status());
    }
    List<String> faults = new ArrayList<>(contentFaults(response, call.type(), call.body()));
    if (call.status() < 300) {
      call.request()
          .ifPresent(
              body ->
                  schemaFaults(
                          found.get().description().at("/requestBody/content/application~1json"),
                          body)
                      .forEach(fault -> faults.add("The request was taken, but " + fault)));
    }
    return faults;
  }

  private List<String> contentFaults(JsonNode response, String type, String body) {
    JsonNode content = response.path("content");
    if (type.isEmpty()) {
      return content.isEmpty() ? List.of() : List.of("The document has a body, the answer none");
    }
    JsonNode described = content.has(type) ? content.get(type) : content.path("*/*");
    if (described.isMissingNode()) {
      return List.of("The document has no content of type " + type);
    }
    return type.endsWith("json") ? schemaFaults(described, body) : List.of();
  }

  /** What a body has that the schema of the content does not allow. */
  List<String> schemaFaults(JsonNode content, String body) {
    if (!content.has("schema")) {
      return List.of();
    }
    try {
      return schema(content.get("schema")).validate(JSON.readTree(body)).stream()
          .map(error -> "%s %s".formatted(error.getInstanceLocation(), error.getMessage()))
          .toList();
    } catch (IOException e) {
      return List.of("the body is no JSON: " + e.getMessage());
    }
  }

  private synchronized Schema schema(JsonNode described) {
    return schemas.computeIfAbsent(
        described.toString(),
        text -> {
          ObjectNode root = JSON.createObjectNode();
          root.set("components", components);
          root.set("allOf", JSON.createArrayNode().add(described));
          return registry.getSchema(root);
        });
  }
}
