package dev.atelier.api.document;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.access.TokenRequest;
import dev.atelier.api.export.Table;
import dev.atelier.api.problem.AllowedMethods;
import dev.atelier.api.problem.Problem;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.Extension;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.SpecSchema;
import dev.atelier.api.spec.WebhookRequest;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.StudySpec;
import dev.atelier.spec.TrainingOverrides;
import io.quarkus.smallrye.openapi.OpenApiFilter;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.OASFilter;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.media.Content;
import org.eclipse.microprofile.openapi.models.media.MediaType;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.media.Schema.SchemaType;
import org.eclipse.microprofile.openapi.models.parameters.Parameter;
import org.eclipse.microprofile.openapi.models.responses.APIResponse;

/**
 * Adds to the OpenAPI document what annotations would repeat at every operation: the problems that
 * it may answer with, examples of bodies, and which fields of a spec may be left out.
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
          TokenRequest.class);

  private static final Map<String, String> EXAMPLES =
      Map.of(
          "launchExperiment",
              "{\"name\": \"first\", \"dataset\": {\"source\": \"shapes\", \"resolution\": 16}, \"students\": {\"count\": 4}}",
          "launchStudy",
              "{\"name\": \"p\", \"question\": \"Which p is best?\", \"base\": {\"students\": {\"count\": 2}}, \"axes\": [{\"name\": \"p\", \"field\": \"students.specificProbability\", \"values\": [0.5, 0.8]}], \"seeds\": [1, 2]}",
          "retryModel", "{\"learningRate\": 0.0001}",
          "retryStudent", "{\"learningRate\": 0.0001}",
          "retryTeacher", "{\"learningRate\": 0.0001}",
          "extendModel", "{\"steps\": 200000}",
          "replaceStudent", "{\"specificProbability\": 0.5}",
          "createWebhook",
              "{\"url\": \"https://example.org/hook\", \"events\": [\"model.failed\"]}",
          "createToken",
              "{\"name\": \"ci\", \"role\": \"operator\", \"projects\": [\"vision\"], \"expiresInDays\": 30}");

  /** What an experiment or a study may refuse because of how far it is. */
  private static final Set<String> REFUSED_BY_STATE =
      Set.of(
          "cancelExperiment",
          "cancelStudy",
          "deleteExperiment",
          "deleteStudy",
          "retryStudent",
          "retryTeacher",
          "startCheck");

  /** Lists that also come as tables; at the others annotations say so. */
  private static final Set<String> TABLES =
      Set.of(
          "listTeachers",
          "listDatasets",
          "listAudit",
          "listTokens",
          "listWebhooks",
          "listDeliveries",
          "listEvaluations",
          "listArtifacts");

  /** Files, whose ETag spares those who have them another transfer. */
  private static final Set<String> FILES = Set.of("getArtifact", "getSamples", "getStudyArtifact");

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
              item.getOperations().values().forEach(operation -> complete(path, operation));
            });
    AllowedMethods.of(methods);
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
              if (field.has("default")) {
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

  /** A field without a value counts as one that was left out. */
  private static Schema orNull(Schema schema) {
    Schema none = OASFactory.createSchema().addType(SchemaType.NULL);
    if (schema.getRef() != null || schema.getEnumeration() != null) {
      return OASFactory.createSchema().anyOf(List.of(schema, none));
    }
    List<SchemaType> types = Optional.ofNullable(schema.getType()).orElse(List.of());
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

  private static void complete(String path, Operation operation) {
    boolean body = operation.getRequestBody() != null;
    Set<Integer> statuses = new TreeSet<>(List.of(401, 403, 406, 429, 503));
    if (body || operation.getParameters() != null) {
      statuses.add(400);
    }
    for (Parameter parameter : Optional.ofNullable(operation.getParameters()).orElse(List.of())) {
      if (parameter.getIn() == Parameter.In.QUERY
          && !Boolean.TRUE.equals(parameter.getRequired())) {
        parameter.setAllowEmptyValue(true); // counts as left out
      }
    }
    if (path.contains("{")) {
      statuses.add(404);
    }
    if (body) {
      statuses.addAll(List.of(413, 415, 422));
      for (MediaType content : operation.getRequestBody().getContent().getMediaTypes().values()) {
        content.setExample(example(operation.getOperationId()));
      }
    }
    if (REFUSED_BY_STATE.contains(operation.getOperationId())) {
      statuses.add(409);
    }
    if (TABLES.contains(operation.getOperationId())) {
      Schema text = OASFactory.createSchema().addType(SchemaType.STRING);
      operation
          .getResponses()
          .getAPIResponse("200")
          .getContent()
          .addMediaType(Table.CSV, OASFactory.createMediaType().schema(text))
          .addMediaType(Table.ARROW, OASFactory.createMediaType().schema(text));
    }
    if (FILES.contains(operation.getOperationId())) {
      Content content = operation.getResponses().getAPIResponse("200").getContent();
      if (content.hasMediaType("application/octet-stream")) { // of any type, as it was stored
        content.addMediaType("*/*", content.getMediaType("application/octet-stream"));
        content.removeMediaType("application/octet-stream");
      }
      operation
          .getResponses()
          .addAPIResponse(
              "304", OASFactory.createAPIResponse().description("It is that of If-None-Match"));
    }
    for (int status : statuses) {
      Optional<APIResponse> described =
          Optional.ofNullable(operation.getResponses().getAPIResponse(Integer.toString(status)));
      if (described.isEmpty() || described.get().getContent() == null) {
        operation.getResponses().addAPIResponse(Integer.toString(status), problem(status));
      }
    }
  }

  private static Object example(String operationId) {
    String text =
        Optional.ofNullable(EXAMPLES.get(operationId))
            .orElseThrow(
                () -> new IllegalStateException(operationId + " needs an example of its body."));
    return SpecJson.read(text, Map.class);
  }

  private static APIResponse problem(int status) {
    List<ProblemType> types =
        Arrays.stream(ProblemType.values()).filter(type -> type.status() == status).toList();
    MediaType content =
        OASFactory.createMediaType()
            .schema(OASFactory.createSchema().ref("#/components/schemas/Problem"));
    return OASFactory.createAPIResponse()
        .description(
            types.stream()
                .map(type -> "%s (%s)".formatted(type.title(), type.uri()))
                .collect(Collectors.joining("; ")))
        .content(OASFactory.createContent().addMediaType(Problem.MEDIA_TYPE, content));
  }
}
