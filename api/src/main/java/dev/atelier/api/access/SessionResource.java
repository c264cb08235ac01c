package dev.atelier.api.access;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.web.SessionCookie;
import io.vertx.core.http.HttpServerRequest;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.net.URI;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** A browser's session: let in by a token or a link, and ended. */
@Path("/api/v1/session")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
public class SessionResource {

  private final BrowserSessions sessions;
  private final Caller caller;
  private final ProviderSignOut signOut;

  SessionResource(BrowserSessions sessions, Caller caller, ProviderSignOut signOut) {
    this.sessions = sessions;
    this.caller = caller;
    this.signOut = signOut;
  }

  @POST
  @Operation(
      operationId = "openSession",
      summary = "Let the browser in as the caller of this request",
      description =
          "The answer sets a cookie that no script reads, and that counts only for what pages of this"
              + " server, or the user, ask for. It lasts until the browser is closed, 30 days at most.")
  @APIResponse(responseCode = "204", description = "The cookie is set")
  public Response openSession(
      @HeaderParam(HttpHeaders.AUTHORIZATION) @Parameter(hidden = true) String authorization,
      @Context HttpServerRequest request) {
    Response.ResponseBuilder answer = Response.noContent().header("Cache-Control", "no-store");
    caller
        .principal()
        .token()
        .map(token -> sessions.cookie(token).secret())
        .or(() -> jwt(authorization)) // of the provider, who is asked no more often for it
        .ifPresent(
            secret ->
                answer.header(
                    HttpHeaders.SET_COOKIE,
                    SessionCookie.set(
                        SitePage.authority(request), secret, SitePage.isEncrypted(request))));
    return answer.build();
  }

  private static Optional<String> jwt(String authorization) {
    return Authentication.token(Optional.ofNullable(authorization))
        .filter(token -> token.matches("[A-Za-z0-9._-]+")); // what a cookie can hold
  }

  @DELETE
  @Operation(operationId = "closeSession", summary = "End the browser's session")
  @APIResponse(responseCode = "204", description = "The cookie is removed, and worth nothing")
  @APIResponseSchema(
      value = EndedSession.class,
      responseCode = "200",
      responseDescription = "So it is, and the provider has an end of its own")
  public Response closeSession(
      @HeaderParam(HttpHeaders.AUTHORIZATION) @Parameter(hidden = true) String authorization,
      @Context HttpServerRequest request) {
    Authentication.token(Optional.ofNullable(authorization)).ifPresent(sessions::end);
    Optional<URI> end =
        caller.principal().asPerson().flatMap(unused -> signOut.at(SitePage.origin(request)));
    return end.map(address -> Response.ok(new EndedSession(address)))
        .orElseGet(Response::noContent)
        .header("Cache-Control", "no-store")
        .header(
            HttpHeaders.SET_COOKIE,
            SessionCookie.remove(SitePage.authority(request), SitePage.isEncrypted(request)))
        .build();
  }

  @POST
  @Path("/links")
  @Operation(
      operationId = "createSignInLink",
      summary = "Make a link that lets one browser in, once",
      description =
          "The browser is let in as the caller of this request, who must have an API token.")
  @APIResponseSchema(
      value = SignInLink.class,
      responseCode = "201",
      responseDescription = "The link")
  public Response createSignInLink(@Context HttpServerRequest request) {
    BrowserSessions.Made made =
        sessions.link(
            caller
                .principal()
                .token()
                .orElseThrow(
                    () ->
                        new ProblemException(
                            ProblemType.BAD_REQUEST,
                            "A link lets in the caller of an API token, and this request came without one.")));
    URI page = URI.create("%s/#code=%s".formatted(SitePage.origin(request), made.secret()));
    return Response.status(Response.Status.CREATED)
        .header("Cache-Control", "no-store")
        .entity(new SignInLink(page, made.expiresAt()))
        .build();
  }
}
