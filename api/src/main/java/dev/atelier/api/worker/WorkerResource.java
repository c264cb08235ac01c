package dev.atelier.api.worker;

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

/** The workers. */
@Path("/api/v1/workers")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Workers")
public class WorkerResource {

  private final WorkerRepository workers;

  WorkerResource(WorkerRepository workers) {
    this.workers = workers;
  }

  @GET
  @Operation(
      operationId = "listWorkers",
      summary = "List the workers that were seen within the last day",
      description =
          "Who serves which task queue, on which device, and what each is at. A worker says so"
              + " every ten seconds.")
  @APIResponse(responseCode = "200", description = "One page")
  public WorkerPage list(@BeanParam PageParameters page) {
    ListParameters parameters = new ListParameters();
    int size = page.size(parameters);
    Optional<String> after = parameters.text("cursor", page.cursor());
    parameters.check();
    List<WorkerView> found = workers.workers(after, size + 1);
    return new WorkerPage(
        found.stream().limit(size).toList(),
        found.size() > size ? Optional.of(found.get(size - 1).id()) : Optional.empty());
  }

  @GET
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listWorkers", hidden = true)
  public Table listAsTable() {
    return Table.of(WorkerView.class, cursor -> list(PageParameters.longest(cursor)));
  }
}
