package dev.atelier.api.registry;

import dev.atelier.api.export.Table;
import dev.atelier.api.parameter.ListParameters;
import dev.atelier.api.parameter.PageParameters;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Datasets that experiments have prepared. */
@Path("/api/v1/datasets")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Registry")
public class DatasetResource {

  private final Registry registry;

  DatasetResource(Registry registry) {
    this.registry = registry;
  }

  @GET
  @Operation(operationId = "listDatasets", summary = "List prepared datasets by their SHA-256")
  @APIResponse(responseCode = "200", description = "One page")
  public DatasetPage list(@BeanParam PageParameters page) {
    ListParameters parameters = new ListParameters();
    int size = page.size(parameters);
    Optional<String> after = parameters.text("cursor", page.cursor());
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
    return Table.of(DatasetView.class, cursor -> list(PageParameters.longest(cursor)));
  }
}
