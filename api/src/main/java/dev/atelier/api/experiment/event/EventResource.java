package dev.atelier.api.experiment.event;

import dev.atelier.api.experiment.Links;
import dev.atelier.api.export.Table;
import dev.atelier.api.parameter.ListParameters;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** What happens to an experiment, over REST and as a stream. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class EventResource {

  private final EventService events;

  EventResource(EventService events) {
    this.events = events;
  }

  @GET
  @Path("/{id}/events")
  @Operation(
      operationId = "listEvents",
      summary = "List what happened to an experiment, oldest first")
  @APIResponse(responseCode = "200", description = "One page")
  public EventPage list(
      @PathParam("id") String id,
      @QueryParam("limit")
          @Parameter(
              schema =
                  @Schema(
                      type = SchemaType.INTEGER,
                      minimum = "1",
                      maximum = "1000",
                      defaultValue = "200"))
          String limit,
      @QueryParam("cursor") @Parameter(description = "nextCursor of the page before")
          String cursor) {
    ListParameters parameters = new ListParameters();
    long after = parameters.eventCursor("cursor", cursor);
    int size = parameters.limit(limit, 200, 1000);
    parameters.check();
    return events.page(id, after, size);
  }

  @GET
  @Path("/{id}/events")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listEvents", hidden = true)
  public Table listAsTable(@PathParam("id") String id) {
    return events.table(id);
  }

  @GET
  @Path("/{id}/stream")
  @Produces(MediaType.SERVER_SENT_EVENTS)
  @Blocking
  @Operation(
      operationId = "streamExperiment",
      summary = "Follow an experiment live, as server-sent events",
      description =
          "`event`: an entry of its history, with its id, replayed from Last-Event-ID on."
              + " `progress`: the stage and the models that changed. `end`: it has ended.")
  @APIResponse(
      responseCode = "200",
      description = "The events",
      content = @Content(mediaType = MediaType.SERVER_SENT_EVENTS))
  public Multi<OutboundSseEvent> stream(
      @PathParam("id") String id,
      @HeaderParam(HttpHeaders.LAST_EVENT_ID_HEADER)
          @Parameter(description = "Id of the last event that the client has seen")
          String lastEventId,
      @Context Sse sse) {
    ListParameters parameters = new ListParameters();
    long after = parameters.eventCursor(HttpHeaders.LAST_EVENT_ID_HEADER, lastEventId);
    parameters.check();
    return events.stream(id, after, sse);
  }
}
