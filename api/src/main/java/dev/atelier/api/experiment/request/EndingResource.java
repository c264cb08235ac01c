package dev.atelier.api.experiment.request;

import dev.atelier.api.experiment.Accepted;
import dev.atelier.api.experiment.Links;
import jakarta.ws.rs.DELETE;
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

/** The end of experiments over REST. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class EndingResource {

  private final EndingService endings;

  EndingResource(EndingService endings) {
    this.endings = endings;
  }

  @POST
  @Path("/{id}/cancel")
  @Operation(
      operationId = "cancelExperiment",
      summary = "Cancel an experiment",
      description =
          "Asks the workflow to stop; checkpoints are kept. Canceling again changes nothing; an"
              + " experiment that is DONE, PARTIAL or FAILED answers 409.")
  @APIResponseSchema(
      value = Accepted.class,
      responseCode = "202",
      responseDescription = "The experiment stops")
  public Response cancel(@PathParam("id") String id) {
    return endings.cancel(id).answer();
  }

  @DELETE
  @Path("/{id}")
  @Operation(
      operationId = "deleteExperiment",
      summary = "Delete an experiment that has ended, with its curves, checkpoints and files",
      description =
          "Models that other experiments have taken over are handed over to them. An experiment"
              + " that has not ended answers 409.")
  @APIResponse(responseCode = "204", description = "It is deleted")
  public void delete(@PathParam("id") String id) {
    endings.delete(id);
  }
}
