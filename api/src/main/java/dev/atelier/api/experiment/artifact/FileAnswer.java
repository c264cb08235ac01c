package dev.atelier.api.experiment.artifact;

import dev.atelier.api.export.WholeAnswer;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.core.EntityTag;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Request;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.StreamingOutput;
import java.io.InputStream;
import java.util.function.Function;

/** A file as an answer over HTTP, whose ETag is its SHA-256. */
@ApplicationScoped
public class FileAnswer {

  private final WholeAnswer whole;

  FileAnswer(WholeAnswer whole) {
    this.whole = whole;
  }

  /**
   * The file, or that the caller has it.
   *
   * @param open called only if the caller does not have it
   */
  public Response of(Artifact artifact, Request request, Function<Artifact, InputStream> open) {
    EntityTag tag = new EntityTag(artifact.sha256());
    Response.ResponseBuilder unchanged = request.evaluatePreconditions(tag);
    if (unchanged != null) {
      return unchanged.tag(tag).build();
    }
    InputStream content = open.apply(artifact);
    StreamingOutput body = out -> whole.write(out, o -> artifact.copy(content, o));
    return Response.ok(body, artifact.contentType())
        .header(HttpHeaders.CONTENT_LENGTH, artifact.bytes())
        .header(
            HttpHeaders.CONTENT_DISPOSITION,
            "inline; filename=\"%s\""
                .formatted(artifact.name().substring(artifact.name().lastIndexOf('/') + 1)))
        .tag(tag)
        .build();
  }
}
