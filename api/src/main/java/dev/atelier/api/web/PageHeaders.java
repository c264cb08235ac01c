package dev.atelier.api.web;

import io.vertx.core.http.HttpServerResponse;
import java.util.regex.Pattern;

/** What browsers may do with an answer. */
final class PageHeaders {

  private static final Pattern DASHBOARD = Pattern.compile("/(index\\.html)?|/dashboard/.*");
  private static final Pattern WEBJARS = Pattern.compile("/webjars/.*");
  private static final Pattern SWAGGER_UI = Pattern.compile("/q/swagger-ui(/.*)?");
  private static final Pattern API = Pattern.compile("/api/.*");

  private static final String NOT_IN_FRAMES =
      "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
  private static final String OWN_PAGE =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
          + NOT_IN_FRAMES;
  // Its page has a script and styles in it.
  private static final String SWAGGER_PAGE =
      "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
          + NOT_IN_FRAMES;
  // Reports and other files of users: an origin of their own, without scripts.
  private static final String FILE =
      "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " + NOT_IN_FRAMES;
  private static final String NO_PAGE = "default-src 'none'; " + NOT_IN_FRAMES;

  private PageHeaders() {}

  /** Adds them before anything is written. */
  static void add(HttpServerResponse response, String path) {
    response
        .putHeader("Content-Security-Policy", policyOf(path))
        .putHeader("X-Content-Type-Options", "nosniff")
        .putHeader("Referrer-Policy", "no-referrer");
  }

  /** Lets the dashboard be asked for anew after an upgrade, whatever served it says. */
  static void addLast(HttpServerResponse response, String path) {
    if (DASHBOARD.matcher(path).matches()) {
      response.putHeader("Cache-Control", "no-cache");
    }
  }

  static String policyOf(String path) {
    if (SWAGGER_UI.matcher(path).matches()) {
      return SWAGGER_PAGE;
    }
    if (API.matcher(path).matches()) {
      return FILE;
    }
    return DASHBOARD.matcher(path).matches() || WEBJARS.matcher(path).matches()
        ? OWN_PAGE
        : NO_PAGE;
  }
}
