package dev.atelier.api.experiment.request;

import static dev.atelier.api.experiment.request.RequestResource.NOT_NOW;
import static dev.atelier.api.spec.DocumentTypes.JSON;
import static dev.atelier.api.spec.DocumentTypes.TEXT_X_YAML;
import static dev.atelier.api.spec.DocumentTypes.TEXT_YAML;
import static dev.atelier.api.spec.DocumentTypes.X_YAML;
import static dev.atelier.api.spec.DocumentTypes.YAML;

import dev.atelier.api.experiment.Accepted;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.parameter.IdempotencyKey;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.Extension;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.spec.StudentReplacement;
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

/** More steps for a model, or other settings, over REST. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Consumes({JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML})
@Tag(name = "Experiments")
public class TrainingResource {

  private final RequestService requests;
  private final SpecReader reader;

  TrainingResource(RequestService requests, SpecReader reader) {
    this.requests = requests;
    this.reader = reader;
  }

  @POST
  @Path("/{id}/models/{key}/extend")
  @Operation(
      operationId = "extendModel",
      summary = "Train a model to more steps in all",
      description =
          "It goes on from its last checkpoint, also when it is done; what follows uses the new weights. The teacher can be extended until the students begin.")
  @RequestBody(
      required = true,
      content = @Content(mediaType = JSON, schema = @Schema(implementation = Extension.class)))
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The model is trained on")
  @APIResponse(responseCode = "409", description = NOT_NOW)
  public Response extend(
      @PathParam("id") String id,
      @PathParam("key") String key,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    Extension wanted = reader.extension(body, DocumentFormat.of(type));
    return requests.extend(id, key, wanted.steps(), IdempotencyKey.of(idempotencyKey)).answer();
  }

  @POST
  @Path("/{id}/models/{key}/replace")
  @Operation(
      operationId = "replaceStudent",
      summary = "Train a student anew with other settings",
      description =
          "It begins at step 0 in a place of its own: its checkpoints and curves so far are forgotten. Settings that are left out stay as they are.")
  @RequestBody(
      required = true,
      content =
          @Content(mediaType = JSON, schema = @Schema(implementation = StudentReplacement.class)))
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The student is trained anew")
  @APIResponse(responseCode = "409", description = NOT_NOW)
  public Response replace(
      @PathParam("id") String id,
      @PathParam("key") String key,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    StudentReplacement wanted = reader.replacement(body, DocumentFormat.of(type));
    return requests.replace(id, key, wanted, reader, IdempotencyKey.of(idempotencyKey)).answer();
  }
}
