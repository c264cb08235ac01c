package dev.atelier.api.experiment.overview;

import dev.atelier.api.experiment.Links;
import dev.atelier.api.export.Table;
import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.Sort;
import dev.atelier.api.parameter.ListParameters;
import dev.atelier.api.parameter.PageParameters;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Lists of experiments over REST, and each as a whole. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class OverviewResource {

  private final OverviewService overview;

  OverviewResource(OverviewService overview) {
    this.overview = overview;
  }

  @GET
  @Operation(
      operationId = "listExperiments",
      summary = "List experiments, newest first unless sorted otherwise",
      description =
          "Conditions and words in `q` and the other filters must all hold. Fields: id, name, project, stage,"
              + " dataset, students, p, seed, created, updated, finished, study, distance and macs (of"
              + " the students, or of another subject: distance.teacher), label.<key>, spec.<field>.")
  @APIResponse(responseCode = "200", description = "One page")
  public ExperimentPage list(@BeanParam FilterParameters filter, @BeanParam PageParameters page) {
    ListParameters parameters = new ListParameters();
    HistoryQuery asked = filter.query(parameters);
    Sort order = parameters.sort(filter.sort());
    Optional<Cursor> after = parameters.cursor(page.cursor(), order);
    int size = page.size(parameters);
    parameters.check();
    return overview.list(asked, order, after, size);
  }

  @GET
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listExperiments", hidden = true)
  public Table listAsTable(@BeanParam FilterParameters filter) {
    ListParameters parameters = new ListParameters();
    HistoryQuery asked = filter.query(parameters);
    Sort order = parameters.sort(filter.sort());
    parameters.check();
    return overview.table(asked, order);
  }

  @GET
  @Path("/compare")
  @Operation(
      operationId = "compareExperiments",
      summary = "Show experiments beside one another",
      description = "The fields in which their specs differ, and every figure of each.")
  @APIResponse(responseCode = "200", description = "The comparison")
  public Comparison compare(
      @QueryParam("ids")
          @Parameter(required = true, description = "2 to 50 ids with commas between")
          String text) {
    ListParameters parameters = new ListParameters();
    List<String> ids = parameters.ids(text, 2, 50);
    parameters.check();
    return overview.compare(ids);
  }

  @GET
  @Path("/compare")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "compareExperiments", hidden = true)
  public Table compareAsTable(@QueryParam("ids") String text) {
    return compare(text).table();
  }

  @GET
  @Path("/losses")
  @Operation(
      operationId = "experimentLosses",
      summary = "Get a few values of the loss of each experiment, for small plots",
      description = "Of the model that was last started; experiments without one are left out.")
  @APIResponse(
      responseCode = "200",
      description = "Values by experiment, in order of steps",
      content = @Content(schema = @Schema(implementation = Object.class)))
  public Map<String, List<Double>> losses(
      @QueryParam("ids")
          @Parameter(required = true, description = "1 to 200 ids with commas between")
          String text) {
    ListParameters parameters = new ListParameters();
    List<String> ids = parameters.ids(text, 1, 200);
    parameters.check();
    return overview.losses(ids, 40);
  }

  @GET
  @Path("/{id}")
  @Operation(
      operationId = "showExperiment",
      summary = "Show an experiment",
      description = "Its spec, stage, models with their progress, evaluations and files.")
  @APIResponse(responseCode = "200", description = "The experiment")
  public ExperimentView show(@PathParam("id") String id) {
    return overview.show(id);
  }
}
