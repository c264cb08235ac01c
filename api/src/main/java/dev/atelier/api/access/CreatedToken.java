package dev.atelier.api.access;

import jakarta.ws.rs.core.Response;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A token that was made just now. */
public record CreatedToken(
    @Schema(description = "The token itself; it is shown this once") String token,
    ApiToken created) {

  /** The only answer that ever holds the token. */
  static Response answer(ApiTokens.Created made) {
    return Response.status(Response.Status.CREATED)
        .header("Cache-Control", "no-store")
        .entity(new CreatedToken(made.token(), made.view()))
        .build();
  }
}
