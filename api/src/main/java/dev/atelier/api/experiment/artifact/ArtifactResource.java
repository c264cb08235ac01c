package dev.atelier.api.experiment.artifact;

import dev.atelier.api.experiment.Links;
import dev.atelier.api.export.Table;
import dev.atelier.api.problem.Problem;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;
import jakarta.ws.rs.core.Response;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** The files of an experiment over REST, sample grids among them. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class ArtifactResource {

  private static final String NAME = "Its folders' slashes go as they are, or as %2F";

  private final ArtifactService artifacts;
  private final FileAnswer files;

  ArtifactResource(ArtifactService artifacts, FileAnswer files) {
    this.artifacts = artifacts;
    this.files = files;
  }

  @GET
  @Path("/{id}/artifacts")
  @Operation(operationId = "listArtifacts", summary = "List the files of an experiment")
  @APIResponse(responseCode = "200", description = "All of them")
  public ArtifactList list(@PathParam("id") String id) {
    return artifacts.list(id);
  }

  @GET
  @Path("/{id}/artifacts")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listArtifacts", hidden = true)
  public Table listAsTable(@PathParam("id") String id) {
    return Table.of(ArtifactView.class, list(id).items());
  }

  @GET
  @Path("/{id}/artifacts/{name: .+}/link") // names may have folders
  @Operation(
      operationId = "linkArtifact",
      summary = "Get a link to a file in the object store, which needs no credentials",
      description =
          "Signed, and valid until `expiresAt` (atelier.s3.link-validity). It leads to"
              + " atelier.s3.public-endpoint; without that setting none is given (409).")
  @APIResponse(responseCode = "200", description = "The link")
  public ArtifactLink link(
      @PathParam("id") String id, @Parameter(description = NAME) @PathParam("name") String name) {
    return artifacts.link(id, name);
  }

  @GET
  @Path("/{id}/artifacts/{name: .+}")
  @Produces(MediaType.WILDCARD)
  @Operation(
      operationId = "getArtifact",
      summary = "Download a file of an experiment",
      description = "The ETag is the SHA-256 of the file.")
  @APIResponse(
      responseCode = "200",
      description = "The file",
      content =
          @Content(
              mediaType = MediaType.APPLICATION_OCTET_STREAM,
              schema = @Schema(type = SchemaType.STRING, format = "binary")))
  public Response get(
      @PathParam("id") String id,
      @Parameter(description = NAME) @PathParam("name") String name,
      @Context Request request) {
    return files.of(artifacts.existing(id, name), request, artifacts::open);
  }

  @GET
  @Path("/{id}/samples/{subject}.png")
  @Produces({"image/png", Problem.MEDIA_TYPE})
  @Operation(
      operationId = "getSamples",
      summary = "Get a grid of samples as PNG",
      description =
          "The subject is teacher, one-to-one, o2mkd, merged, or dataset for real images.")
  @APIResponse(
      responseCode = "200",
      description = "The grid",
      content =
          @Content(
              mediaType = "image/png",
              schema = @Schema(type = SchemaType.STRING, format = "binary")))
  public Response samples(
      @PathParam("id") String id, @PathParam("subject") String subject, @Context Request request) {
    return get(id, "samples-%s.png".formatted(subject), request);
  }
}
