package dev.atelier.api.experiment.request;

import dev.atelier.api.experiment.Accepted;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.parameter.IdempotencyKey;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** What running experiments are asked for over REST, without a document. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class RequestResource {

  /** Why a request is refused. */
  static final String NOT_NOW = "The experiment cannot do this now";

  private final RequestService requests;

  RequestResource(RequestService requests) {
    this.requests = requests;
  }

  @POST
  @Path("/{id}/pause")
  @Operation(
      operationId = "pauseExperiment",
      summary = "Pause an experiment",
      description =
          "Trainings are handed back after a checkpoint, an evaluation is stopped, and nothing is started until it is resumed.")
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The experiment pauses")
  @APIResponse(responseCode = "409", description = NOT_NOW)
  public Response pause(
      @PathParam("id") String id, @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return requests.pause(id, IdempotencyKey.of(idempotencyKey)).answer();
  }

  @POST
  @Path("/{id}/resume")
  @Operation(
      operationId = "resumeExperiment",
      summary = "Resume a paused experiment",
      description = "Trainings go on from their checkpoints.")
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The experiment goes on")
  @APIResponse(responseCode = "409", description = NOT_NOW)
  public Response resume(
      @PathParam("id") String id, @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return requests.resume(id, IdempotencyKey.of(idempotencyKey)).answer();
  }

  @POST
  @Path("/{id}/evaluation/rerun")
  @Operation(
      operationId = "rerunEvaluation",
      summary = "Evaluate again",
      description =
          "Does the evaluation that is under way, or has failed, again from its beginning, merging and search included. An experiment that has ended answers 409: launch its spec again.")
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The evaluation is done again")
  @APIResponse(responseCode = "409", description = NOT_NOW)
  public Response rerunEvaluation(
      @PathParam("id") String id, @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return requests.rerunEvaluation(id, IdempotencyKey.of(idempotencyKey)).answer();
  }

  @POST
  @Path("/{id}/models/{key}/cancel")
  @Operation(
      operationId = "cancelModel",
      summary = "Let the experiment go on without a model",
      description =
          "It stops after a checkpoint. When all others are done, the experiment is evaluated with what it has and ends PARTIAL; until then the model can be retried.")
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The model stops")
  @APIResponse(responseCode = "409", description = NOT_NOW)
  public Response cancelModel(
      @PathParam("id") String id,
      @PathParam("key") String key,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return requests.cancelModel(id, key, IdempotencyKey.of(idempotencyKey)).answer();
  }
}
