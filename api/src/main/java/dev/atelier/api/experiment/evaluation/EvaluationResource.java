package dev.atelier.api.experiment.evaluation;

import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.export.Table;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** The figures of an experiment over REST. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class EvaluationResource {

  private final ExperimentRepository experiments;
  private final EvaluationRepository evaluations;

  EvaluationResource(ExperimentRepository experiments, EvaluationRepository evaluations) {
    this.experiments = experiments;
    this.evaluations = evaluations;
  }

  @GET
  @Path("/{id}/evaluations")
  @Operation(
      operationId = "listEvaluations",
      summary = "List the figures of each subject of an experiment")
  @APIResponse(responseCode = "200", description = "All of them")
  public EvaluationList list(@PathParam("id") String id) {
    return new EvaluationList(evaluations.evaluations(experiments.existing(id).id()));
  }

  @GET
  @Path("/{id}/evaluations")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listEvaluations", hidden = true)
  public Table listAsTable(@PathParam("id") String id) {
    return Table.of(EvaluationView.class, list(id).items());
  }
}
