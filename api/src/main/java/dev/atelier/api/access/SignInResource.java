package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.web.SessionCookie;
import io.quarkus.oidc.OidcSession;
import io.smallrye.common.annotation.Blocking;
import io.vertx.core.http.HttpServerRequest;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.Operation;

/**
 * Lets people in by a browser. Quarkus goes the way to the provider and back (authorization code
 * with PKCE, state and nonce) before a request reaches {@link #enter}; from there on the browser
 * has a session as others do. Each page leads to this server's own start page and nowhere else:
 * which page was asked for is known to the browser's tab alone.
 */
@Path("/sign-in")
@Blocking
public class SignInResource {

  static final String TENANT = "browser"; // of application.properties
  static final String ENDED = "/sign-in/ended";

  private static final String PAGE =
      """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Atelier</title>%s</head>
      <body><p>%s</p><p><a href="/">%s</a></p></body></html>
      """;
  private static final String AT_ONCE = "<meta http-equiv=\"refresh\" content=\"0; url=/\">";

  private final AtelierConfig.Oidc config;
  private final Authentication authentication;
  private final People people;
  private final BrowserSessions sessions;
  private final OidcSession provider;
  private final Caller caller;
  private final boolean isOn;

  SignInResource(
      AtelierConfig config,
      Authentication authentication,
      People people,
      BrowserSessions sessions,
      OidcSession provider,
      Caller caller) {
    this.config = config.auth().oidc();
    this.authentication = authentication;
    this.people = people;
    this.sessions = sessions;
    this.provider = provider;
    this.caller = caller;
    this.isOn =
        config.auth().mode() == AtelierConfig.AuthMode.OIDC
            && this.config.clientId().filter(id -> !id.isBlank()).isPresent();
  }

  /** By whom people can be let in; nothing: they need a token. */
  @GET
  @Path("/provider")
  @Produces(MediaType.APPLICATION_JSON)
  @Operation(hidden = true)
  public Map<String, String> provider() {
    return isOn ? Map.of("name", config.providerName()) : Map.of();
  }

  @GET
  @Produces(MediaType.TEXT_HTML)
  @Operation(hidden = true)
  public Response enter(@Context HttpServerRequest request) {
    if (!isOn) {
      throw new NotFoundException();
    }
    Principal person;
    try {
      person = authentication.ofProvider();
    } catch (ProblemException e) {
      forgetProvider();
      return page(e.type().status(), "", "You cannot be let in. " + e.getMessage(), "Start page");
    }
    String id = people.signedIn(person);
    caller.signsIn(person);
    BrowserSessions.Made made = sessions.cookieOfPerson(id, config.session());
    forgetProvider();
    return Response.fromResponse(page(200, AT_ONCE, "You are signed in.", "Go on"))
        .header(
            HttpHeaders.SET_COOKIE,
            SessionCookie.set(
                SitePage.authority(request),
                made.secret(),
                config.https() || SitePage.isEncrypted(request)))
        .build();
  }

  /** Where the provider leads back to; one who comes here in another way starts again. */
  @GET
  @Path("/back")
  @Produces(MediaType.TEXT_HTML)
  @Operation(hidden = true)
  public Response back(@Context HttpServerRequest request) {
    return enter(request);
  }

  @GET
  @Path("/failed")
  @Produces(MediaType.TEXT_HTML)
  @Operation(hidden = true)
  public Response failed() {
    return page(401, "", "You are not signed in: the provider has not let you in.", "Try again");
  }

  @GET
  @Path("/ended")
  @Produces(MediaType.TEXT_HTML)
  @Operation(hidden = true)
  public Response ended() {
    return page(200, "", "You are signed out.", "Sign in again");
  }

  /** Its tokens go with the sign-in: the browser keeps a session of ours alone. */
  private void forgetProvider() {
    provider.logout().await().indefinitely();
  }

  private static Response page(int status, String head, String sentence, String link) {
    return Response.status(status)
        .type(MediaType.TEXT_HTML_TYPE.withCharset("utf-8"))
        .header("Cache-Control", "no-store")
        .entity(PAGE.formatted(head, sentence, link))
        .build();
  }
}
