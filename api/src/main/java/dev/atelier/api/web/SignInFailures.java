package dev.atelier.api.web;

import io.quarkus.security.AuthenticationCompletionException;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;

/**
 * Says in a page what Quarkus would answer with an empty body: the provider's answer is no good.
 */
@ApplicationScoped
class SignInFailures {

  private static final String PAGE =
      """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>Atelier</title></head>
      <body><p>You are not signed in: what the provider answered cannot be used. The server's log says
      why.</p><p><a href="/">Try again</a></p></body></html>
      """;

  void install(@Observes Router router) {
    router.routeWithRegex("/sign-in(/.*)?").order(Integer.MIN_VALUE + 1).failureHandler(this::say);
  }

  private void say(RoutingContext call) {
    if (call.failure() instanceof AuthenticationCompletionException) {
      call.response()
          .setStatusCode(401)
          .putHeader("Content-Type", "text/html; charset=utf-8")
          .putHeader("Cache-Control", "no-store")
          .end(PAGE);
    } else {
      call.next();
    }
  }
}
