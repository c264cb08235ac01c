package dev.atelier.api.web;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.AtelierConfig.AuthMode;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.problem.RouterProblems;
import io.vertx.core.http.HttpHeaders;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Optional;

/**
 * Shows the metrics only to who has their token, where the API is not open to all. No other token
 * will do: metrics must be had when the database of tokens cannot be asked.
 */
@ApplicationScoped
class MetricsAccess {

  private static final String BEARER = "Bearer ";
  private static final int AFTER_FOREIGN_PAGES = Integer.MIN_VALUE + 1;

  private final RouterProblems problems;
  private final boolean open;
  private final Optional<String> token;

  MetricsAccess(RouterProblems problems, AtelierConfig config) {
    this.problems = problems;
    this.open = config.auth().mode() == AuthMode.OPEN;
    this.token = config.http().metricsToken().filter(text -> !text.isBlank());
  }

  void install(@Observes Router router) {
    router.routeWithRegex("/q/metrics(/.*)?").order(AFTER_FOREIGN_PAGES).handler(this::check);
  }

  private void check(RoutingContext call) {
    Optional<String> refusal =
        refusal(
            open, token, Optional.ofNullable(call.request().getHeader(HttpHeaders.AUTHORIZATION)));
    if (refusal.isEmpty()) {
      call.next();
      return;
    }
    call.response().putHeader("WWW-Authenticate", "Bearer");
    problems.answer(call, ProblemType.UNAUTHORIZED, refusal.get());
  }

  /** Why a request is refused; empty: it isn't. */
  static Optional<String> refusal(
      boolean open, Optional<String> token, Optional<String> authorization) {
    if (token.isEmpty()) {
      return open
          ? Optional.empty()
          : Optional.of(
              "The metrics are shown to nobody, as atelier.http.metrics-token (ATELIER_HTTP_METRICS_TOKEN) is not set.");
    }
    return authorization.filter(given -> same(given, BEARER + token.get())).isPresent()
        ? Optional.empty()
        : Optional.of(
            "The metrics want the token of atelier.http.metrics-token: expected 'Authorization: Bearer …'.");
  }

  // In the same time wherever they differ.
  private static boolean same(String given, String expected) {
    return MessageDigest.isEqual(
        given.getBytes(StandardCharsets.UTF_8), expected.getBytes(StandardCharsets.UTF_8));
  }
}
