package dev.atelier.api.experiment.model;

import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.experiment.Links;
import dev.atelier.workflows.ModelKey;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** The models of an experiment over REST. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class ModelResource {

  private final ExperimentRepository experiments;
  private final ModelRepository models;

  ModelResource(ExperimentRepository experiments, ModelRepository models) {
    this.experiments = experiments;
    this.models = models;
  }

  @GET
  @Path("/{id}/models/{key}")
  @Operation(
      operationId = "showModel",
      summary = "Show a model of an experiment",
      description = "The key is teacher, student-<k> with k from 1, or one-to-one.")
  @APIResponse(responseCode = "200", description = "The model")
  public ModelView show(@PathParam("id") String id, @PathParam("key") String key) {
    ModelKey model = models.existing(id, key);
    return models.models(experiments.existing(id)).stream()
        .filter(view -> view.key().equals(model))
        .findFirst()
        .orElseThrow(() -> ExperimentRepository.unknown(id)); // deleted a moment ago
  }
}
