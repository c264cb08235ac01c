package dev.atelier.api.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudySpec;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** The published schemas of what users write. */
@Path("/api/v1/schemas")
@Tag(name = "Schemas")
public class SchemaResource {

  private final JsonNode experiment = SpecSchema.withFormerNames(ExperimentSpec.class);
  private final JsonNode study = SpecSchema.withFormerNames(StudySpec.class);

  @GET
  @Path("/experiment")
  @Produces("application/schema+json")
  @Operation(
      operationId = "experimentSchema",
      summary = "Get the JSON Schema (draft 2020-12) of an experiment's spec")
  @APIResponse(
      responseCode = "200",
      description = "The schema",
      content =
          @Content(
              mediaType = "application/schema+json",
              schema = @Schema(implementation = Object.class)))
  public String experiment() {
    return experiment.toString();
  }

  @GET
  @Path("/study")
  @Produces("application/schema+json")
  @Operation(
      operationId = "studySchema",
      summary = "Get the JSON Schema (draft 2020-12) of a study's spec")
  @APIResponse(
      responseCode = "200",
      description = "The schema",
      content =
          @Content(
              mediaType = "application/schema+json",
              schema = @Schema(implementation = Object.class)))
  public String study() {
    return study.toString();
  }
}
