package dev.atelier.api.web;

import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Pages of Temporal's Web UI, which may ask for payloads to be decoded, and for nothing else. */
final class WebUiPages {

  private static final Pattern CODEC = Pattern.compile("/api/v1/codec/(de|en)code");
  private static final Pattern ORIGIN =
      Pattern.compile("https?://([a-z0-9_.-]+|\\[[0-9a-f:.]+])(:[0-9]{1,5})?");
  private static final String SECONDS_KNOWN = "600"; // for which a browser asks no more

  private final Set<String> origins;

  /**
   * Those of the setting.
   *
   * @throws IllegalArgumentException if one is no origin
   */
  WebUiPages(List<String> origins) {
    this.origins = origins.stream().map(WebUiPages::origin).collect(Collectors.toSet());
  }

  private static String origin(String text) {
    String origin = text.strip().replaceFirst("/$", "");
    if (!ORIGIN.matcher(origin).matches()) {
      throw new IllegalArgumentException(
          "atelier.temporal.codec-origins has '%s'; expected an origin as browsers write it, such as http://127.0.0.1:8233."
              .formatted(text));
    }
    return origin;
  }

  /** The origin of such a page, where it asks for what it may; empty: it is as any other. */
  Optional<String> asking(HttpServerRequest request, String path) {
    List<String> named = request.headers().getAll(HttpHeaders.ORIGIN);
    return named.size() == 1
            && CODEC.matcher(path).matches()
            && Set.of(HttpMethod.POST, HttpMethod.OPTIONS).contains(request.method())
        ? Optional.of(named.get(0)).filter(origins::contains)
        : Optional.empty();
  }

  /** Lets the page read the answer. */
  static void permit(HttpServerResponse response, String origin) {
    response
        .putHeader("Access-Control-Allow-Origin", origin)
        .putHeader("Access-Control-Allow-Credentials", "true")
        .putHeader("Vary", "Origin");
  }

  /** Answers a browser that asks whether the page may ask. */
  static void answerPreflight(HttpServerResponse response) {
    response
        .putHeader("Access-Control-Allow-Methods", "POST")
        .putHeader("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
        .putHeader("Access-Control-Max-Age", SECONDS_KNOWN)
        .setStatusCode(204)
        .end();
  }
}
