package dev.atelier.api.experiment;

import jakarta.ws.rs.core.Response;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The answer to a request that goes on after it. */
public record Accepted(
    String id,
    Links links,
    @Schema(description = "Of a launch: what is allowed and hardly meant; mostly empty")
        List<String> warnings) {

  /** As an answer over HTTP, with its Location. */
  public Response answer() {
    return Response.accepted(this).location(links.self()).build();
  }
}
