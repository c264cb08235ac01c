package dev.atelier.api.vocabulary;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** The words for subjects, series, events, files, verdicts and metrics. */
@Path("/api/v1/vocabulary")
@Tag(name = "Schemas")
public class VocabularyResource {

  @GET
  @Produces(MediaType.APPLICATION_JSON)
  @Operation(
      operationId = "vocabulary",
      summary = "Get the words for subjects, series, events, files, verdicts and metrics",
      description =
          "In the order in which they are shown. Later versions may add words, so expect ones that are not here.")
  @APIResponse(
      responseCode = "200",
      description = "The words",
      content =
          @Content(
              mediaType = MediaType.APPLICATION_JSON,
              schema = @Schema(implementation = Vocabulary.class)))
  public Vocabulary vocabulary() {
    return Vocabulary.known();
  }
}
