package dev.atelier.api.access;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.web.RawRequest;
import dev.atelier.api.web.RawRequest.Answer;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import java.io.IOException;
import java.net.URI;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The cookie that carries a browser's token: when it is set, and when it counts. */
@QuarkusTest
@TestProfile(SecuredProfile.class)
class SessionTest {

  private static final String WHO = "/api/v1/whoami";
  private static final String SESSION = "/api/v1/session";
  private static final String BEARER = "Bearer " + SecuredProfile.BOOTSTRAP_TOKEN;
  private static final String SITE = "Sec-Fetch-Site";

  @TestHTTPResource URI server;
  private int port;
  private String cookie;

  @BeforeEach
  void open() throws IOException {
    port = server.getPort();
    Answer opened =
        ownPage(RawRequest.post(SESSION, "")).header("Authorization", BEARER).send(port);
    assertThat(opened.status()).as(opened.body()).isEqualTo(204);
    assertThat(opened.header("Set-Cookie"))
        .matches(
            "atelier_%d=ats_[A-Za-z0-9_-]{43}; Path=/; HttpOnly; SameSite=Strict".formatted(port));
    assertThat(opened.header("Cache-Control")).isEqualTo("no-store");
    cookie = opened.header("Set-Cookie").replaceFirst(";.*", "");
  }

  private static RawRequest ownPage(RawRequest request) {
    return request.header(SITE, "same-origin");
  }

  private RawRequest withCookie(RawRequest request) {
    return request.header("Cookie", "theme=dark; " + cookie);
  }

  @Test
  void shouldTakeTheCookieForTheToken() throws IOException {
    Answer who = ownPage(withCookie(RawRequest.get(WHO))).send(port);
    assertThat(who.status()).as(who.body()).isEqualTo(200);
    assertThat(who.body()).contains("token bootstrap").contains("\"admin\"");
    assertThat(
            ownPage(withCookie(RawRequest.post("/api/v1/maintenance/checks", "")))
                .send(port)
                .status())
        .isEqualTo(202);
    // A link of the terminal, a bookmark.
    assertThat(withCookie(RawRequest.get(WHO)).header(SITE, "none").send(port).status())
        .isEqualTo(200);
    assertThat(ownPage(RawRequest.get(WHO)).send(port).status()).isEqualTo(401);
  }

  @Test
  void shouldTakeACookieWithAJwt() throws IOException {
    String jwt = TokenIssuer.token("viewer", "own");
    String set =
        ownPage(RawRequest.post(SESSION, ""))
            .header("Authorization", "Bearer " + jwt)
            .header("Origin", "https://127.0.0.1:" + port) // TLS ends at a proxy
            .send(port)
            .header("Set-Cookie");
    assertThat(set).endsWith("; Path=/; HttpOnly; SameSite=Strict; Secure");
    cookie = set.replaceFirst(";.*", "");
    Answer who = ownPage(withCookie(RawRequest.get(WHO))).send(port);
    assertThat(who.status()).as(who.body()).isEqualTo(200);
    assertThat(who.body()).contains("\"viewer\"");
  }

  @Test
  void shouldNotTakeTheCookieWithoutWordOfWhoAsks() throws IOException {
    assertThat(withCookie(RawRequest.get(WHO)).send(port).status()).isEqualTo(401);
    assertThat(
            withCookie(RawRequest.post("/api/v1/maintenance/checks", ""))
                .header(SITE, "none")
                .send(port)
                .status())
        .isEqualTo(401);
    assertThat(
            ownPage(RawRequest.get(WHO))
                .header("Cookie", cookie.replaceFirst("atelier_\\d+", "atelier_1"))
                .send(port)
                .status())
        .as("the cookie of another port")
        .isEqualTo(401);
  }

  @ParameterizedTest
  @ValueSource(strings = {"same-site", "cross-site"})
  void shouldRefuseThePageOfAnotherSiteWithTheCookie(String site) throws IOException {
    assertThat(withCookie(RawRequest.get(WHO)).header(SITE, site).send(port).status())
        .isEqualTo(403);
  }

  @Test
  void shouldPreferTheHeaderToTheCookie() throws IOException {
    Answer who =
        ownPage(withCookie(RawRequest.get(WHO)))
            .header("Authorization", "Bearer atl_" + "x".repeat(40))
            .send(port);
    assertThat(who.status()).isEqualTo(401);
    assertThat(who.body()).contains("unknown, expired or revoked");
  }

  @Test
  void shouldGiveNoCookieForNoToken() throws IOException {
    for (String bearer : new String[] {"Bearer atl_" + "x".repeat(40), "Basic abc", "Bearer "}) {
      Answer refused =
          ownPage(RawRequest.post(SESSION, "")).header("Authorization", bearer).send(port);
      assertThat(refused.status()).as(bearer).isEqualTo(401);
      assertThat(refused.header("Set-Cookie")).isEmpty();
    }
  }

  @Test
  void shouldLetOneBrowserInByALinkOnce() throws IOException {
    Answer made =
        RawRequest.post("/api/v1/session/links", "").header("Authorization", BEARER).send(port);
    assertThat(made.status()).as(made.body()).isEqualTo(201);
    assertThat(made.body()).contains("http://127.0.0.1:%d/#code=atc_".formatted(port));
    String code = made.body().replaceFirst("(?s).*#code=([^\"]+).*", "$1");
    Answer first =
        ownPage(RawRequest.post(SESSION, "")).header("Authorization", "Bearer " + code).send(port);
    assertThat(first.status()).as(first.body()).isEqualTo(204);
    cookie = first.header("Set-Cookie").replaceFirst(";.*", "");
    assertThat(ownPage(withCookie(RawRequest.get(WHO))).send(port).body())
        .contains("token bootstrap");
    for (String path : new String[] {SESSION, "/api/v1/session/links"}) {
      Answer second =
          ownPage(RawRequest.post(path, "")).header("Authorization", "Bearer " + code).send(port);
      assertThat(second.status()).isEqualTo(401);
      assertThat(second.body()).contains("the link was used before");
    }
  }

  @Test
  void shouldEndTheSessionWithItsToken() throws IOException {
    String token = apiToken();
    Answer opened =
        ownPage(RawRequest.post(SESSION, "")).header("Authorization", "Bearer " + token).send(port);
    cookie = opened.header("Set-Cookie").replaceFirst(";.*", "");
    Answer who = ownPage(withCookie(RawRequest.get(WHO))).send(port);
    assertThat(who.body()).contains("token short-lived").contains("\"viewer\"");
    String id = who.body().replaceFirst(".*short-lived \\(([^)]+)\\).*", "$1");
    assertThat(
            RawRequest.delete("/api/v1/tokens/" + id)
                .header("Authorization", BEARER)
                .send(port)
                .status())
        .isEqualTo(204);
    assertThat(ownPage(withCookie(RawRequest.get(WHO))).send(port).status()).isEqualTo(401);
  }

  private String apiToken() throws IOException {
    Answer made =
        RawRequest.post(
                "/api/v1/tokens",
                "{\"name\": \"short-lived\", \"role\": \"viewer\", \"projects\": [\"own\"]}")
            .header("Authorization", BEARER)
            .header("Content-Type", "application/json")
            .send(port);
    assertThat(made.status()).as(made.body()).isEqualTo(201);
    return made.body().replaceFirst("(?s).*\"token\":\"([^\"]+)\".*", "$1");
  }

  @Test
  void shouldForgetTheCookie() throws IOException {
    Answer closed = ownPage(withCookie(RawRequest.delete(SESSION))).send(port);
    assertThat(closed.status()).isEqualTo(204);
    assertThat(closed.header("Set-Cookie"))
        .isEqualTo("atelier_%d=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0".formatted(port));
    assertThat(ownPage(withCookie(RawRequest.get(WHO))).send(port).status())
        .as("a copy of the cookie")
        .isEqualTo(401);
  }
}
