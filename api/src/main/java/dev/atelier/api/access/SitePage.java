package dev.atelier.api.access;

import io.vertx.core.http.HttpServerRequest;

/** What a browser calls this server by. */
final class SitePage {

  private SitePage() {}

  /** Such as {@code 127.0.0.1:8080}; it is one that the server goes by. */
  static String authority(HttpServerRequest request) {
    return String.valueOf(request.authority());
  }

  /** Whether the browser speaks TLS, also where a proxy ends it. */
  static boolean isEncrypted(HttpServerRequest request) {
    String origin = request.getHeader("Origin");
    return request.isSSL() || (origin != null && origin.startsWith("https:"));
  }

  /** Such as {@code https://atelier.example.org}. */
  static String origin(HttpServerRequest request) {
    return "%s://%s".formatted(isEncrypted(request) ? "https" : "http", authority(request));
  }
}
