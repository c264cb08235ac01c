package dev.atelier.api.experiment;

import dev.atelier.api.export.Table;
import dev.atelier.api.problem.Problem;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** What an experiment consists of, each part by itself. */
@Path("/api/v1/experiments")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
@APIResponse(
    responseCode = "default",
    description = "An error",
    content =
        @Content(mediaType = Problem.MEDIA_TYPE, schema = @Schema(implementation = Problem.class)))
public class ExperimentPartsResource {

  private final ExperimentService experiments;

  ExperimentPartsResource(ExperimentService experiments) {
    this.experiments = experiments;
  }

  @GET
  @Path("/{id}/evaluations")
  @Operation(
      operationId = "listEvaluations",
      summary = "List the figures of each subject of an experiment")
  @APIResponse(
      responseCode = "200",
      description = "All of them",
      content = @Content(schema = @Schema(implementation = EvaluationList.class)))
  public EvaluationList evaluations(@PathParam("id") String id) {
    return experiments.evaluations(id);
  }

  @GET
  @Path("/{id}/evaluations")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listEvaluations", hidden = true)
  public Table evaluationsAsTable(@PathParam("id") String id) {
    return Table.of(EvaluationView.class, evaluations(id).items());
  }

  @GET
  @Path("/{id}/models/{key}")
  @Operation(
      operationId = "showModel",
      summary = "Show a model of an experiment",
      description = "The key is teacher, student-<k> with k from 1, or one-to-one.")
  @APIResponse(
      responseCode = "200",
      description = "The model",
      content = @Content(schema = @Schema(implementation = ModelView.class)))
  public ModelView model(@PathParam("id") String id, @PathParam("key") String key) {
    return experiments.showModel(id, key);
  }

  @GET
  @Path("/{id}/artifacts")
  @Operation(operationId = "listArtifacts", summary = "List the files of an experiment")
  @APIResponse(
      responseCode = "200",
      description = "All of them",
      content = @Content(schema = @Schema(implementation = ArtifactList.class)))
  public ArtifactList artifacts(@PathParam("id") String id) {
    return experiments.artifacts(id);
  }

  @GET
  @Path("/{id}/artifacts")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listArtifacts", hidden = true)
  public Table artifactsAsTable(@PathParam("id") String id) {
    return Table.of(ArtifactView.class, artifacts(id).items());
  }

  @GET
  @Path("/{id}/artifacts/{name}/link")
  @Operation(
      operationId = "linkArtifact",
      summary = "Get a link to a file in the object store, which needs no credentials",
      description =
          "Signed, and valid until `expiresAt` (atelier.s3.link-validity). It leads to"
              + " atelier.s3.public-endpoint.")
  @APIResponse(
      responseCode = "200",
      description = "The link",
      content = @Content(schema = @Schema(implementation = ArtifactLink.class)))
  public ArtifactLink link(@PathParam("id") String id, @PathParam("name") String name) {
    return experiments.link(id, name);
  }
}
