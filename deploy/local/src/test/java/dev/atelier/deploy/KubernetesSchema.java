package dev.atelier.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Kubernetes' and KEDA's own schemas; unknown fields are faults. */
final class KubernetesSchema {

  private final JsonNode bundle = DeployFiles.schema("kubernetes.json");
  private final SchemaRegistry registry =
      SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_7);
  private final Map<String, Schema> byKind = new HashMap<>();

  /** What is wrong with a resource, one sentence each. */
  List<String> faults(JsonNode resource) {
    String kind = resource.path("apiVersion").asText() + "/" + resource.path("kind").asText();
    if (!bundle.path("kinds").has(kind)) {
      return List.of("There is no schema for '%s'.".formatted(kind));
    }
    return byKind.computeIfAbsent(kind, this::compile).validate(resource).stream()
        .map(fault -> "%s %s: %s".formatted(kind, resource.at("/metadata/name").asText(), fault))
        .toList();
  }

  private Schema compile(String kind) {
    ObjectNode schema = JsonNodeFactory.instance.objectNode();
    schema.set("$schema", bundle.path("$schema"));
    schema
        .putArray("allOf")
        .addObject()
        .put("$ref", "#/definitions/" + bundle.path("kinds").path(kind).asText());
    schema.set("definitions", bundle.path("definitions"));
    return registry.getSchema(schema);
  }
}
