package dev.atelier.api.web;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.problem.RouterProblems;
import dev.atelier.api.web.KnownHosts.Authority;
import io.vertx.core.http.Cookie;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Refuses, before anything else looks at it, what a page of another site makes a user's browser
 * ask: on every path. Programs send none of the headers that are looked at here but {@code Host}.
 */
@ApplicationScoped
class ForeignPages {

  static final String UNTYPED =
      "The request has a body without a Content-Type: expected application/json or application/yaml.";

  private static final String SITE = "Sec-Fetch-Site";
  private static final String OWN = "same-origin";
  private static final String USER = "none"; // typed, a bookmark, or a link outside of the browser
  // The provider's page leads back there. Nothing is done for it but to let in whom the provider
  // names.
  private static final Pattern SIGN_IN = Pattern.compile("/sign-in(/(back|failed|ended))?");
  private static final Pattern PROBED = Pattern.compile("/q/health(/.*)?|/q/metrics(/.*)?");
  private static final String PAGE =
      """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Atelier</title></head>
      <body><p>Another site has led you here. Atelier shows only what you ask for yourself:
      <a href="">show this page</a>, or type the address.</p></body></html>
      """;

  private final RouterProblems problems;
  private final KnownHosts hosts;
  private final WebUiPages webUi;

  ForeignPages(
      RouterProblems problems,
      AtelierConfig config,
      @ConfigProperty(name = "quarkus.http.host") String listensOn) {
    this.problems = problems;
    this.hosts = new KnownHosts(config.http().hosts().orElse(List.of()), listensOn);
    this.webUi = new WebUiPages(config.temporal().codecOrigins().orElse(List.of()));
  }

  void install(@Observes Router router) {
    // Quarkus's pages for developers ask for no token, show settings and write sources.
    router
        .routeWithRegex("/q/dev-.*")
        .order(Integer.MIN_VALUE)
        .handler(call -> call.response().setStatusCode(404).end());
    router.route().order(Integer.MIN_VALUE).handler(this::check);
  }

  private record Refusal(ProblemType type, String detail) {}

  private void check(RoutingContext call) {
    String path = call.normalizedPath();
    PageHeaders.add(call.response(), path);
    call.addHeadersEndHandler(unused -> PageHeaders.addLast(call.response(), path));
    Optional<String> ofWebUi = webUi.asking(call.request(), path);
    Optional<Refusal> refusal = refusalOf(call.request(), path, ofWebUi.isPresent());
    if (refusal.isEmpty()) {
      ofWebUi.ifPresent(origin -> WebUiPages.permit(call.response(), origin));
      if (ofWebUi.isPresent() && call.request().method().equals(HttpMethod.OPTIONS)) {
        WebUiPages.answerPreflight(call.response());
        return;
      }
      carryCookie(call.request(), ofWebUi.isPresent());
      call.next();
      return;
    }
    if (SlowClients.mayHaveBody(call.request())) {
      RouterProblems.leaveRest(call);
    }
    if (refusal.get().type() == ProblemType.FOREIGN_PAGE
        && call.request().method().equals(HttpMethod.GET)
        && "navigate".equals(call.request().getHeader("Sec-Fetch-Mode"))) {
      call.response()
          .setStatusCode(ProblemType.FOREIGN_PAGE.status())
          .putHeader("Content-Type", "text/html; charset=utf-8")
          .end(PAGE);
    } else {
      problems.answer(call, refusal.get().type(), refusal.get().detail());
    }
  }

  private Optional<Refusal> refusalOf(HttpServerRequest request, String path, boolean isWebUi) {
    Optional<Authority> host = authority(request).flatMap(Authority::of);
    boolean probe = PROBED.matcher(path).matches();
    if (!host.map(name -> hosts.knows(name) || (probe && name.isAddress())).orElse(probe)) {
      return refusal(
          ProblemType.UNKNOWN_HOST,
          "This server does not go by the name '%s': if it should, add it to atelier.http.hosts (ATELIER_HTTP_HOSTS)."
              .formatted(authority(request).orElse("")));
    }
    boolean signsIn = SIGN_IN.matcher(path).matches() && isVisit(request);
    for (String site : request.headers().getAll(SITE)) {
      if (!isWebUi && !signsIn && !site.equals(OWN) && !site.equals(USER)) {
        return refusal(
            ProblemType.FOREIGN_PAGE,
            "A page of another site, or of another port, asks in the name of the user (%s: %s)."
                .formatted(SITE, site));
      }
    }
    for (String origin : request.headers().getAll(HttpHeaders.ORIGIN)) {
      if (!isWebUi && !isOwn(origin, host)) {
        return refusal(
            ProblemType.FOREIGN_PAGE,
            "A page of '%s' asks in the name of the user: expected one of this server's."
                .formatted(origin));
      }
    }
    if (SlowClients.hasBody(request) && !request.headers().contains(HttpHeaders.CONTENT_TYPE)) {
      return refusal(ProblemType.UNSUPPORTED_MEDIA_TYPE, UNTYPED);
    }
    return Optional.empty();
  }

  /** Whether the address is the page that the browser goes to, and no part of another's. */
  private static boolean isVisit(HttpServerRequest request) {
    return request.method().equals(HttpMethod.GET)
        && "navigate".equals(request.getHeader("Sec-Fetch-Mode"))
        && "document".equals(request.getHeader("Sec-Fetch-Dest"));
  }

  private static Optional<Refusal> refusal(ProblemType type, String detail) {
    return Optional.of(new Refusal(type, detail));
  }

  private static Optional<String> authority(HttpServerRequest request) {
    return Optional.ofNullable(request.authority()).map(Object::toString);
  }

  /** Whether a page of that origin is this server's, also where a proxy ends TLS before it. */
  private boolean isOwn(String origin, Optional<Authority> host) {
    URI uri;
    try {
      uri = URI.create(origin);
    } catch (IllegalArgumentException e) {
      return false;
    }
    if (uri.getScheme() == null || uri.getRawAuthority() == null) {
      return false; // null: of a file, or of a page in a sandbox
    }
    int ofScheme = uri.getScheme().equals("https") ? 443 : 80;
    return Authority.of(uri.getRawAuthority())
        .map(
            asking ->
                hosts.isListed(asking, ofScheme)
                    || host.map(
                            own ->
                                own.host().equals(asking.host())
                                    && own.port()
                                        .orElse(ofScheme)
                                        .equals(asking.port().orElse(ofScheme)))
                        .orElse(false))
        .orElse(false);
  }

  /**
   * Takes what the cookie holds for the caller's token, where a page of this server asks, or of the
   * Web UI; from there a browser sends it only if the two are of one site.
   */
  private static void carryCookie(HttpServerRequest request, boolean isWebUi) {
    String site = request.getHeader(SITE);
    boolean reads = Set.of(HttpMethod.GET, HttpMethod.HEAD).contains(request.method());
    if (request.headers().contains(HttpHeaders.AUTHORIZATION)
        || !(isWebUi || OWN.equals(site) || (USER.equals(site) && reads))) {
      return;
    }
    Cookie cookie = request.getCookie(SessionCookie.name(authority(request).orElse("")));
    if (cookie != null && !cookie.getValue().isBlank()) {
      request.headers().set(HttpHeaders.AUTHORIZATION, "Bearer " + cookie.getValue());
    }
  }
}
