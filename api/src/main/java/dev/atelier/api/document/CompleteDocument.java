package dev.atelier.api.document;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.access.OwnTokenRequest;
import dev.atelier.api.access.TokenRequest;
import dev.atelier.api.problem.AllowedMethods;
import dev.atelier.api.spec.Extension;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.SpecSchema;
import dev.atelier.api.spec.WebhookRequest;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.StudySpec;
import dev.atelier.spec.TrainingOverrides;
import io.quarkus.smallrye.openapi.OpenApiFilter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.OASFilter;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.media.Schema.SchemaType;

/**
 * Adds to the OpenAPI document what annotations would repeat at every operation ({@link
 * CompleteOperation}), and which fields of a spec may be left out.
 */
@OpenApiFilter(stages = OpenApiFilter.RunStage.RUNTIME_STARTUP)
public class CompleteDocument implements OASFilter {

  /** Documents that users send; the JSON Schema of each knows what has a default. */
  private static final List<Class<? extends Record>> DOCUMENTS =
      List.of(
          ExperimentSpec.class,
          StudySpec.class,
          TrainingOverrides.class,
          StudentReplacement.class,
          Extension.class,
          WebhookRequest.class,
          TokenRequest.class,
          OwnTokenRequest.class);

  @Override
  public void filterOpenAPI(OpenAPI document) {
    Map<String, Schema> schemas = document.getComponents().getSchemas();
    for (Class<? extends Record> type : DOCUMENTS) {
      JsonNode root = SpecSchema.withFormerNames(type);
      complete(schemas, type.getSimpleName(), root, root);
    }
    // Annotations cannot say that an item of an array may be null.
    schemas
        .get("Point")
        .setItems(OASFactory.createSchema().addType(SchemaType.NUMBER).addType(SchemaType.NULL));
    schemas.values().forEach(CompleteDocument::relative);
    document.addSecurityRequirement(OASFactory.createSecurityRequirement().addScheme("token"));
    Map<String, Set<String>> methods = new HashMap<>();
    document
        .getPaths()
        .getPathItems()
        .forEach(
            (path, item) -> {
              methods.put(
                  path,
                  item.getOperations().keySet().stream()
                      .map(Enum::name)
                      .collect(Collectors.toSet()));
              item.getOperations()
                  .values()
                  .forEach(operation -> CompleteOperation.complete(path, operation));
            });
    AllowedMethods.of(methods);
    SchemaNames.settle(document);
  }

  /** Both name the same record, and so do the fields below it. */
  private static void complete(
      Map<String, Schema> schemas, String name, JsonNode json, JsonNode root) {
    JsonNode described = resolved(json, root);
    if (!described.has("properties") || !schemas.containsKey(name)) {
      return;
    }
    Schema schema = schemas.get(name);
    if (schema.getAdditionalPropertiesSchema() != null) {
      return; // completed as a part of another document
    }
    List<String> required =
        StreamSupport.stream(described.path("required").spliterator(), false)
            .map(JsonNode::asText)
            .toList();
    schema.setRequired(required);
    schema.setAdditionalPropertiesSchema(OASFactory.createSchema().booleanSchema(false));
    described
        .get("properties")
        .properties()
        .forEach(
            property -> {
              JsonNode field = property.getValue();
              Schema own = schema.getProperties().get(property.getKey());
              if (field.path("deprecated").asBoolean()) { // the former name of a number
                schema.addProperty(
                    property.getKey(),
                    OASFactory.createSchema()
                        .addType(SchemaType.NUMBER)
                        .addType(SchemaType.NULL)
                        .description(field.get("description").asText())
                        .deprecated(true));
                return;
              }
              if (own == null) {
                throw new IllegalStateException(name + " has no " + property.getKey());
              }
              if (field.has("default") && !isEmptyObject(field.get("default"))) {
                own.setDefaultValue(SpecJson.read(field.get("default").toString(), Object.class));
              }
              nameOf(own).ifPresent(record -> complete(schemas, record, field, root));
              Optional.ofNullable(own.getItems())
                  .flatMap(CompleteDocument::nameOf)
                  .ifPresent(record -> complete(schemas, record, field.path("items"), root));
              if (!required.contains(property.getKey())) {
                schema.addProperty(property.getKey(), orNull(own));
              }
            });
  }

  /** What nothing in a map says by itself; some generators drop what has an object for default. */
  private static boolean isEmptyObject(JsonNode value) {
    return value.isObject() && value.isEmpty();
  }

  /** A field without a value counts as one that was left out. */
  private static Schema orNull(Schema schema) {
    Schema none = OASFactory.createSchema().addType(SchemaType.NULL);
    List<SchemaType> types = Optional.ofNullable(schema.getType()).orElse(List.of());
    if (types.isEmpty() || schema.getEnumeration() != null) { // it refers to another, or others
      return OASFactory.createSchema().anyOf(List.of(schema, none));
    }
    return types.contains(SchemaType.NULL) ? schema : schema.addType(SchemaType.NULL);
  }

  /** Links are paths of the same server. */
  private static void relative(Schema schema) {
    if ("uri".equals(schema.getFormat())) {
      schema.setFormat("uri-reference");
    }
    Optional.ofNullable(schema.getProperties())
        .ifPresent(properties -> properties.values().forEach(CompleteDocument::relative));
    Optional.ofNullable(schema.getItems()).ifPresent(CompleteDocument::relative);
  }

  private static JsonNode resolved(JsonNode json, JsonNode root) {
    return json.has("$ref") ? root.at(json.get("$ref").asText().substring(1)) : json;
  }

  private static Optional<String> nameOf(Schema schema) {
    return Optional.ofNullable(schema.getRef())
        .map(reference -> reference.substring(reference.lastIndexOf('/') + 1));
  }
}
