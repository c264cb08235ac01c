package dev.atelier.api.experiment.request;

import static dev.atelier.api.spec.DocumentTypes.JSON;
import static dev.atelier.api.spec.DocumentTypes.TEXT_X_YAML;
import static dev.atelier.api.spec.DocumentTypes.TEXT_YAML;
import static dev.atelier.api.spec.DocumentTypes.X_YAML;
import static dev.atelier.api.spec.DocumentTypes.YAML;

import dev.atelier.api.experiment.Accepted;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.parameter.IdempotencyKey;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.spec.TrainingOverrides;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/**
 * Another attempt at a failed model over REST; the body may be empty. {@code students/<k>} and
 * {@code teacher} are short forms of {@code models/<key>}.
 */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Consumes({JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML, MediaType.WILDCARD})
@Tag(name = "Experiments")
public class RetryResource {

  private final RequestService requests;
  private final SpecReader reader;

  RetryResource(RequestService requests, SpecReader reader) {
    this.requests = requests;
    this.reader = reader;
  }

  @POST
  @Path("/{id}/models/{key}/retry")
  @Operation(
      operationId = "retryModel",
      summary = "Train a failed model again from its last good checkpoint",
      description =
          "The key is teacher, student-<k> with k from 1, or one-to-one. The body may be empty or"
              + " change settings; a model that has not failed answers 409.")
  @RequestBody(
      content =
          @Content(mediaType = JSON, schema = @Schema(implementation = TrainingOverrides.class)))
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The model is trained again")
  @APIResponse(responseCode = "409", description = "The model has not failed")
  public Response retry(
      @PathParam("id") String id,
      @PathParam("key") String key,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    TrainingOverrides overrides =
        body == null || body.length == 0
            ? TrainingOverrides.NONE
            : reader.overrides(body, DocumentFormat.of(type));
    return requests.retry(id, key, overrides, IdempotencyKey.of(idempotencyKey)).answer();
  }

  @POST
  @Path("/{id}/students/{k}/retry")
  @Operation(operationId = "retryStudent", summary = "Train a failed student again, counted from 1")
  @RequestBody(
      content =
          @Content(mediaType = JSON, schema = @Schema(implementation = TrainingOverrides.class)))
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The student is trained again")
  public Response retryStudent(
      @PathParam("id") String id,
      @PathParam("k") String student,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return retry(id, "student-" + student, body, type, idempotencyKey);
  }

  @POST
  @Path("/{id}/teacher/retry")
  @Operation(operationId = "retryTeacher", summary = "Train a failed teacher again")
  @RequestBody(
      content =
          @Content(mediaType = JSON, schema = @Schema(implementation = TrainingOverrides.class)))
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The teacher is trained again")
  public Response retryTeacher(
      @PathParam("id") String id,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return retry(id, "teacher", body, type, idempotencyKey);
  }
}
