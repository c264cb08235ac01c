package dev.atelier.api.experiment;

import dev.atelier.api.export.Table;
import dev.atelier.api.problem.Problem;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Datasets that experiments have prepared. */
@Path("/api/v1/datasets")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Registry")
@APIResponse(
    responseCode = "default",
    description = "An error",
    content =
        @Content(mediaType = Problem.MEDIA_TYPE, schema = @Schema(implementation = Problem.class)))
public class DatasetResource {

  private final Registry registry;

  DatasetResource(Registry registry) {
    this.registry = registry;
  }

  @GET
  @Operation(operationId = "listDatasets", summary = "List prepared datasets by their SHA-256")
  @APIResponse(
      responseCode = "200",
      description = "One page",
      content = @Content(schema = @Schema(implementation = DatasetPage.class)))
  public DatasetPage list(
      @QueryParam("limit")
          @Parameter(
              schema =
                  @Schema(
                      type = SchemaType.INTEGER,
                      minimum = "1",
                      maximum = "200",
                      defaultValue = "50"))
          String limit,
      @QueryParam("cursor") @Parameter(description = "nextCursor of the page before")
          String cursor) {
    ListParameters parameters = new ListParameters();
    int size = parameters.limit(limit, 50, 200);
    Optional<String> after = parameters.text("cursor", cursor);
    parameters.check();
    List<DatasetView> found = registry.datasets(after, size + 1);
    return new DatasetPage(
        found.stream().limit(size).toList(),
        found.size() > size ? Optional.of(found.get(size - 1).sha256()) : Optional.empty());
  }

  @GET
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listDatasets", hidden = true)
  public Table listAsTable() {
    return Table.of(DatasetView.class, cursor -> list("200", cursor.orElse("")));
  }
}
