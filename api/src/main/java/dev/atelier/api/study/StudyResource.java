package dev.atelier.api.study;

import static dev.atelier.api.spec.DocumentTypes.JSON;
import static dev.atelier.api.spec.DocumentTypes.TEXT_X_YAML;
import static dev.atelier.api.spec.DocumentTypes.TEXT_YAML;
import static dev.atelier.api.spec.DocumentTypes.X_YAML;
import static dev.atelier.api.spec.DocumentTypes.YAML;

import dev.atelier.api.experiment.artifact.FileAnswer;
import dev.atelier.api.export.Table;
import dev.atelier.api.parameter.IdBeginning;
import dev.atelier.api.parameter.IdempotencyKey;
import dev.atelier.api.parameter.PageParameters;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.spec.StudySpec;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;
import jakarta.ws.rs.core.Response;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.ParameterIn;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Studies over REST: sets of experiments that answer one question. */
@Path("/api/v1/studies")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Studies")
public class StudyResource {

  private final StudyService studies;
  private final SpecReader reader;
  private final FileAnswer files;

  StudyResource(StudyService studies, SpecReader reader, FileAnswer files) {
    this.files = files;
    this.studies = studies;
    this.reader = reader;
  }

  @POST
  @Consumes({JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML})
  @Parameter(
      name = "project",
      in = ParameterIn.QUERY,
      description =
          "Project that it belongs to, also as the header Atelier-Project; absent: the caller's only"
              + " one, or default",
      schema = @Schema(type = SchemaType.STRING, pattern = "[a-z0-9][a-z0-9-]{0,62}"))
  @Operation(
      operationId = "launchStudy",
      summary = "Launch a study",
      description =
          "Makes one experiment for each point of the grid and each seed, checks them all, stores"
              + " them and starts the study's workflow. With an Idempotency-Key the same request"
              + " gets the same answer.")
  @RequestBody(
      required = true,
      content = {
        @Content(mediaType = JSON, schema = @Schema(implementation = StudySpec.class)),
        @Content(mediaType = YAML, schema = @Schema(implementation = StudySpec.class))
      })
  @APIResponseSchema(
      value = StudyAccepted.class,
      responseCode = "202",
      responseDescription = "The study is stored and will run")
  @APIResponse(
      responseCode = "422",
      description = "The study breaks rules, or the Idempotency-Key was used for another one")
  public Response launch(
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER)
          @Parameter(description = "Any text of 1 to 200 characters, chosen by the caller")
          String idempotencyKey) {
    Optional<String> key = IdempotencyKey.of(idempotencyKey);
    return accepted(studies.launch(reader.study(body, DocumentFormat.of(type)), key));
  }

  @GET
  @Operation(operationId = "listStudies", summary = "List studies, newest first")
  @APIResponse(responseCode = "200", description = "One page")
  public StudyPage list(
      @QueryParam(IdBeginning.NAME) @Parameter(description = IdBeginning.DESCRIPTION)
          String idPrefix,
      @BeanParam PageParameters page) {
    return studies.list(
        IdBeginning.of(idPrefix),
        Optional.ofNullable(page.cursor()).filter(c -> !c.isEmpty()),
        page.size());
  }

  @GET
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listStudies", hidden = true)
  public Table listAsTable() {
    return Table.of(
        StudySummary.class, cursor -> studies.list(Optional.empty(), cursor, PageParameters.MOST));
  }

  @GET
  @Path("/{id}")
  @Operation(
      operationId = "showStudy",
      summary = "Show a study",
      description = "Its spec, stage, experiments with their figures, and its report.")
  @APIResponse(responseCode = "200", description = "The study")
  public StudyView show(@PathParam("id") String id) {
    return studies.show(id);
  }

  @DELETE
  @Path("/{id}")
  @Operation(
      operationId = "deleteStudy",
      summary = "Delete a study that has ended, with its experiments",
      description = "A study, or an experiment of it, that has not ended answers 409.")
  @APIResponse(responseCode = "204", description = "It is deleted")
  public void delete(@PathParam("id") String id) {
    studies.delete(id);
  }

  @POST
  @Path("/{id}/cancel")
  @Operation(
      operationId = "cancelStudy",
      summary = "Cancel a study and its experiments",
      description = "Canceling again changes nothing; a study that is DONE or FAILED answers 409.")
  @APIResponseSchema(
      value = StudyAccepted.class,
      responseCode = "202",
      responseDescription = "The study stops")
  public Response cancel(@PathParam("id") String id) {
    return accepted(studies.cancel(id));
  }

  @GET
  @Path("/{id}/artifacts/{name}")
  @Produces(MediaType.WILDCARD)
  @Operation(
      operationId = "getStudyArtifact",
      summary = "Download a file of a study's report",
      description = "The ETag is the SHA-256 of the file.")
  @APIResponse(
      responseCode = "200",
      description = "The file",
      content =
          @Content(
              mediaType = MediaType.APPLICATION_OCTET_STREAM,
              schema = @Schema(type = SchemaType.STRING, format = "binary")))
  public Response artifact(
      @PathParam("id") String id, @PathParam("name") String name, @Context Request request) {
    return files.of(studies.artifact(id, name), request, studies::open);
  }

  private static Response accepted(StudyAccepted accepted) {
    return Response.accepted(accepted).location(accepted.links().self()).build();
  }
}
