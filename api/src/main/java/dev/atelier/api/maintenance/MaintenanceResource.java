package dev.atelier.api.maintenance;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Comparisons of the object store with the database. */
@Path("/api/v1/maintenance/checks")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Maintenance")
public class MaintenanceResource {

  private final StoreCheck check;

  MaintenanceResource(StoreCheck check) {
    this.check = check;
  }

  @POST
  @Operation(
      operationId = "startCheck",
      summary = "Compare the object store with the database, both ways",
      description =
          "One at a time: a second one answers 409. The answer comes before the check ends.")
  @APIResponseSchema(
      value = StoreCheckReport.class,
      responseCode = "202",
      responseDescription = "The check runs")
  public Response start(
      @QueryParam("repair")
          @Parameter(
              description = "true: objects that no row refers to are removed",
              schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
          String repair) {
    if (repair != null && !repair.equals("true") && !repair.equals("false")) {
      throw new ProblemException(
          ProblemType.INVALID_PARAMETER,
          "repair must be true or false, found '%s'.".formatted(repair));
    }
    long id = check.start("true".equals(repair));
    return Response.accepted(show(Long.toString(id)))
        .location(URI.create("/api/v1/maintenance/checks/" + id))
        .build();
  }

  @GET
  @Operation(operationId = "listChecks", summary = "List the last checks, newest first")
  @APIResponse(responseCode = "200", description = "At most 20")
  public List<StoreCheckReport> list() {
    return check.reports();
  }

  @GET
  @Path("/{id}")
  @Operation(operationId = "showCheck", summary = "Show a check and what it found")
  @APIResponse(responseCode = "200", description = "The check")
  public StoreCheckReport show(
      @PathParam("id") @Parameter(schema = @Schema(type = SchemaType.INTEGER, format = "int64"))
          String id) {
    return (id.matches("[0-9]{1,18}")
            ? check.report(Long.parseLong(id))
            : Optional.<StoreCheckReport>empty())
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.CHECK_NOT_FOUND, "There is no check '%s'.".formatted(id)));
  }
}
