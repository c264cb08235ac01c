package dev.atelier.api.document;

import dev.atelier.api.export.Table;
import dev.atelier.api.problem.Problem;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecJson;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.eclipse.microprofile.openapi.OASFactory;
import org.eclipse.microprofile.openapi.models.Operation;
import org.eclipse.microprofile.openapi.models.media.Content;
import org.eclipse.microprofile.openapi.models.media.MediaType;
import org.eclipse.microprofile.openapi.models.media.Schema;
import org.eclipse.microprofile.openapi.models.media.Schema.SchemaType;
import org.eclipse.microprofile.openapi.models.parameters.Parameter;
import org.eclipse.microprofile.openapi.models.responses.APIResponse;
import org.eclipse.microprofile.openapi.models.responses.APIResponses;

/**
 * What annotations would repeat at every operation: the problems that it may answer with, the
 * tables that lists also come as, and examples of bodies. Where an annotation describes a problem,
 * its words stay.
 */
final class CompleteOperation {

  private static final String PAYLOADS =
      "{\"payloads\": [{\"metadata\": {\"encoding\": \"anNvbi9wbGFpbg==\"}, \"data\": \"InRleHQi\"}]}";

  private static final Map<String, String> EXAMPLES =
      Map.ofEntries(
          Map.entry(
              "launchExperiment",
              "{\"name\": \"first\", \"dataset\": {\"source\": \"shapes\", \"resolution\": 16}, \"students\": {\"count\": 4}}"),
          Map.entry(
              "launchStudy",
              "{\"name\": \"p\", \"question\": \"Which p is best?\", \"base\": {\"students\": {\"count\": 2}}, \"axes\": [{\"name\": \"p\", \"field\": \"students.specificProbability\", \"values\": [0.5, 0.8]}], \"seeds\": [1, 2]}"),
          Map.entry("retryModel", "{\"learningRate\": 0.0001}"),
          Map.entry("retryStudent", "{\"learningRate\": 0.0001}"),
          Map.entry("retryTeacher", "{\"learningRate\": 0.0001}"),
          Map.entry("extendModel", "{\"steps\": 200000}"),
          Map.entry("replaceStudent", "{\"specificProbability\": 0.5}"),
          Map.entry(
              "createWebhook",
              "{\"url\": \"https://example.org/hook\", \"events\": [\"model.failed\"]}"),
          Map.entry(
              "createToken",
              "{\"name\": \"ci\", \"role\": \"operator\", \"projects\": [\"vision\"], \"expiresInDays\": 30}"),
          Map.entry("setQuota", "{\"devicesAtOnce\": 4, \"gpuHoursPerMonth\": 500}"),
          Map.entry("createOwnToken", "{\"name\": \"nightly\", \"expiresInDays\": 30}"),
          Map.entry("decodePayloads", PAYLOADS),
          Map.entry("encodePayloads", PAYLOADS));

  /** What may be refused because of how far something is, or how much there is of it. */
  private static final Set<String> REFUSED_BY_STATE =
      Set.of(
          "cancelExperiment",
          "cancelStudy",
          "deleteExperiment",
          "deleteStudy",
          "launchExperiment",
          "launchStudy",
          "retryStudent",
          "retryTeacher",
          "startCheck");

  /** Lists that also come as tables, of which the document says that Arrow's is binary. */
  private static final Set<String> TABLES =
      Set.of("listExperiments", "compareExperiments", "listEvents", "modelMetrics", "listStudies");

  /** The same, of which it says that it is text. */
  private static final Set<String> TEXT_TABLES =
      Set.of(
          "listTeachers",
          "listDatasets",
          "listUsage",
          "listAudit",
          "listTokens",
          "listWebhooks",
          "listDeliveries",
          "listEvaluations",
          "listArtifacts");

  /** The tag of what is the same for everybody and at every time, and cannot fail by itself. */
  private static final String SCHEMAS = "Schemas";

  /** Files, whose ETag spares those who have them another transfer. */
  private static final Set<String> FILES = Set.of("getArtifact", "getSamples", "getStudyArtifact");

  private CompleteOperation() {}

  static void complete(String path, Operation operation) {
    completeParameters(operation);
    completeBody(operation);
    completeTables(operation);
    completeFile(operation);
    completeProblems(path, operation);
  }

  private static void completeParameters(Operation operation) {
    for (Parameter parameter : Optional.ofNullable(operation.getParameters()).orElse(List.of())) {
      if (parameter.getIn() == Parameter.In.QUERY
          && !Boolean.TRUE.equals(parameter.getRequired())) {
        parameter.setAllowEmptyValue(true); // counts as left out
      }
    }
  }

  private static void completeBody(Operation operation) {
    if (operation.getRequestBody() != null) {
      for (MediaType content : operation.getRequestBody().getContent().getMediaTypes().values()) {
        content.setExample(example(operation.getOperationId()));
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

  private static void completeTables(Operation operation) {
    if (TABLES.contains(operation.getOperationId())) {
      addTables(operation, text().format("binary"));
    } else if (TEXT_TABLES.contains(operation.getOperationId())) {
      addTables(operation, text());
    }
  }

  private static void addTables(Operation operation, Schema arrow) {
    operation
        .getResponses()
        .getAPIResponse("200")
        .getContent()
        .addMediaType(Table.CSV, OASFactory.createMediaType().schema(text()))
        .addMediaType(Table.ARROW, OASFactory.createMediaType().schema(arrow));
  }

  private static Schema text() {
    return OASFactory.createSchema().addType(SchemaType.STRING);
  }

  private static void completeFile(Operation operation) {
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
  }

  private static void completeProblems(String path, Operation operation) {
    APIResponses responses = operation.getResponses();
    if (!operation.getTags().contains(SCHEMAS)) {
      responses.setDefaultValue(error("An error"));
    }
    for (int status : problems(path, operation)) {
      // Quarkus describes 400 by itself, in two words.
      if (status == 400 || !responses.hasAPIResponse(Integer.toString(status))) {
        responses.addAPIResponse(Integer.toString(status), problem(status));
      }
    }
    responses
        .getAPIResponses()
        .forEach(
            (status, response) -> {
              if (status.startsWith("4") && response.getContent() == null) {
                response.setContent(problemContent()); // an annotation has described it
              }
            });
    putSuccessesFirst(responses);
  }

  /** A generated client accepts the first type that it finds. */
  private static void putSuccessesFirst(APIResponses responses) {
    Map<String, APIResponse> inOrder = new TreeMap<>(responses.getAPIResponses()); // default: last
    inOrder.keySet().forEach(responses::removeAPIResponse);
    inOrder.forEach(responses::addAPIResponse);
  }

  /** The statuses of what may go wrong. */
  private static Set<Integer> problems(String path, Operation operation) {
    boolean body = operation.getRequestBody() != null;
    Set<Integer> statuses = new TreeSet<>(List.of(401, 403, 406, 429, 503));
    if (body || operation.getParameters() != null) {
      statuses.add(400);
    }
    if (path.contains("{")) {
      statuses.add(404);
    }
    if (body) {
      statuses.addAll(List.of(413, 415, 422));
    }
    if (REFUSED_BY_STATE.contains(operation.getOperationId())) {
      statuses.add(409);
    }
    return statuses;
  }

  private static APIResponse problem(int status) {
    List<ProblemType> types =
        Arrays.stream(ProblemType.values()).filter(type -> type.status() == status).toList();
    return error(
        types.stream()
            .map(type -> "%s (%s)".formatted(type.title(), type.uri()))
            .collect(Collectors.joining("; ")));
  }

  private static APIResponse error(String description) {
    return OASFactory.createAPIResponse().description(description).content(problemContent());
  }

  private static Content problemContent() {
    return OASFactory.createContent()
        .addMediaType(
            Problem.MEDIA_TYPE,
            OASFactory.createMediaType()
                .schema(OASFactory.createSchema().ref("#/components/schemas/Problem")));
  }
}
