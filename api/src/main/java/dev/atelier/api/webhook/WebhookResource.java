package dev.atelier.api.webhook;

import static dev.atelier.api.spec.DocumentTypes.JSON;
import static dev.atelier.api.spec.DocumentTypes.TEXT_X_YAML;
import static dev.atelier.api.spec.DocumentTypes.TEXT_YAML;
import static dev.atelier.api.spec.DocumentTypes.X_YAML;
import static dev.atelier.api.spec.DocumentTypes.YAML;

import dev.atelier.api.export.Table;
import dev.atelier.api.parameter.PageParameters;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.api.spec.WebhookRequest;
import dev.atelier.spec.SpecFault;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.ParameterIn;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Webhooks over REST: of a project, signed, Slack's or mails, delivered by workflows. */
@Path("/api/v1/webhooks")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Webhooks")
public class WebhookResource {

  private final WebhookService webhooks;
  private final SpecReader reader;

  WebhookResource(WebhookService webhooks, SpecReader reader) {
    this.webhooks = webhooks;
    this.reader = reader;
  }

  @POST
  @Consumes({JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML})
  @Parameter(
      name = "project",
      in = ParameterIn.QUERY,
      description =
          "Project whose experiments it tells of, also as the header Atelier-Project; absent: the"
              + " caller's only one, or, for an admin, all",
      schema = @Schema(type = SchemaType.STRING, pattern = "[a-z0-9][a-z0-9-]{0,62}"))
  @Operation(
      operationId = "createWebhook",
      summary = "Be told of stage changes and failed models",
      description =
          "Messages are JSON, signed with the secret as Standard Webhooks has it, or Slack's, or"
              + " mails. One that the receiver does not take is sent again, for a day.")
  @RequestBody(
      required = true,
      content = @Content(mediaType = JSON, schema = @Schema(implementation = WebhookRequest.class)))
  @APIResponse(
      responseCode = "201",
      description = "The webhook, with the key of its signatures if they are signed",
      headers =
          @Header(
              name = "Location",
              description = "The webhook",
              schema = @Schema(type = SchemaType.STRING, format = "uri")),
      content = @Content(schema = @Schema(implementation = WebhookView.class)))
  @APIResponse(responseCode = "422", description = "The document breaks rules")
  public Response create(
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type) {
    WebhookView made = webhooks.create(reader.webhook(body, DocumentFormat.of(type)));
    return Response.created(URI.create("/api/v1/webhooks/" + made.id())).entity(made).build();
  }

  @GET
  @Operation(operationId = "listWebhooks", summary = "List webhooks, newest first")
  @APIResponse(responseCode = "200", description = "One page")
  public WebhookPage list(@BeanParam PageParameters page) {
    return webhooks.list(cursor(page.cursor()), page.size());
  }

  @GET
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listWebhooks", hidden = true)
  public Table listAsTable() {
    return Table.of(WebhookView.class, cursor -> webhooks.list(cursor, PageParameters.MOST));
  }

  @GET
  @Path("/{id}")
  @Operation(operationId = "showWebhook", summary = "Show a webhook, without its secret")
  @APIResponse(responseCode = "200", description = "The webhook")
  public WebhookView show(@PathParam("id") String id) {
    return webhooks.show(id);
  }

  @DELETE
  @Path("/{id}")
  @Operation(
      operationId = "deleteWebhook",
      summary = "Delete a webhook with its deliveries",
      description = "What is not delivered yet is not sent.")
  @APIResponse(responseCode = "204", description = "It is deleted")
  public void delete(@PathParam("id") String id) {
    webhooks.delete(id);
  }

  @GET
  @Path("/{id}/deliveries")
  @Operation(
      operationId = "listDeliveries",
      summary = "List what was sent and what became of it, newest first")
  @APIResponse(responseCode = "200", description = "One page")
  public DeliveryPage deliveries(@PathParam("id") String id, @BeanParam PageParameters page) {
    return webhooks.deliveries(id, cursor(page.cursor()), page.size());
  }

  @GET
  @Path("/{id}/deliveries")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listDeliveries", hidden = true)
  public Table deliveriesAsTable(@PathParam("id") String id) {
    return Table.of(
        DeliveryView.class, cursor -> webhooks.deliveries(id, cursor, PageParameters.MOST));
  }

  @POST
  @Path("/{id}/test")
  @Operation(
      operationId = "testWebhook",
      summary = "Send a message of type webhook.test",
      description = "The answer comes before the message is sent: look at the deliveries.")
  @APIResponseSchema(
      value = DeliveryView.class,
      responseCode = "202",
      responseDescription = "The message will be sent")
  public Response test(@PathParam("id") String id) {
    return Response.accepted(webhooks.test(id)).build();
  }

  private static Optional<String> cursor(String text) {
    if (text != null && !text.isEmpty() && !text.matches("[0-9a-z-]{1,100}")) {
      throw wrong("cursor", "must be the nextCursor of an earlier page.");
    }
    return Optional.ofNullable(text).filter(cursor -> !cursor.isEmpty());
  }

  private static ProblemException wrong(String parameter, String message) {
    return new ProblemException(
        ProblemType.INVALID_PARAMETER,
        parameter + " " + message,
        List.of(new SpecFault(parameter, message)));
  }
}
