package dev.atelier.api.web;

/**
 * The cookie by which a browser is known: no script can read it, and no page of another site makes
 * the browser send it.
 */
public final class SessionCookie {

  private SessionCookie() {}

  /**
   * Its name, which has the port: a browser sends the cookies of all ports of a host to each.
   *
   * @param authority what the request calls the server, such as {@code 127.0.0.1:8080}
   */
  public static String name(String authority) {
    return "atelier_" + authority.replaceFirst("^.*\\]", "").replaceFirst("^[^:]*:?", "");
  }

  /**
   * The header that sets it, until the browser is closed.
   *
   * @param encrypted whether the page came over TLS
   */
  public static String set(String authority, String secret, boolean encrypted) {
    return header(authority, secret, encrypted);
  }

  /** The header that removes it. */
  public static String remove(String authority, boolean encrypted) {
    return header(authority, "", encrypted) + "; Max-Age=0";
  }

  private static String header(String authority, String value, boolean encrypted) {
    return "%s=%s; Path=/; HttpOnly; SameSite=Strict%s"
        .formatted(name(authority), value, encrypted ? "; Secure" : "");
  }
}
