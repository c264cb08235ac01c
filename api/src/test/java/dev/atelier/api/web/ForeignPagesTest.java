package dev.atelier.api.web;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.LocalServers;
import dev.atelier.api.web.RawRequest.Answer;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a page of another site can make a browser send, a case each, on an API that is open to all
 * programs: beside it what passes, which shows that the request itself would do harm.
 */
@QuarkusTest
@TestProfile(ForeignPagesTest.Hosts.class)
class ForeignPagesTest {

  private static final String LAUNCH = "/api/v1/experiments";
  private static final String SPEC = "{\"name\": \"from a page\"}";
  private static final String JSON = "application/json";

  /** An API with names besides loopback's. */
  public static class Hosts implements QuarkusTestProfile {

    @Override
    public Map<String, String> getConfigOverrides() {
      return Map.of("atelier.http.hosts", "atelier.example.org,*.below.example.org,api:8080");
    }

    @Override
    public java.util.List<TestResourceEntry> testResources() {
      return java.util.List.of(new TestResourceEntry(LocalServers.class));
    }

    @Override
    public boolean disableGlobalTestResources() {
      return true;
    }
  }

  @TestHTTPResource URI server;
  @Inject Jdbi jdbi;
  private int port;
  private long before;

  @BeforeEach
  void count() {
    port = server.getPort();
    before = experiments();
  }

  @ParameterizedTest
  @ValueSource(strings = {"same-site", "cross-site", "same-origin, cross-site", "unheard-of"})
  void shouldRefuseWhatAPageOfAnotherSiteAsks(String site) throws IOException {
    for (String path : new String[] {LAUNCH, "/", "/dashboard/app.js", "/q/openapi", "/q/health"}) {
      Answer read = RawRequest.get(path).header("Sec-Fetch-Site", site).send(port);
      assertThat(read.status()).as(path).isEqualTo(403);
      assertThat(read.body()).contains("/problems/foreign-page").contains(site);
    }
    assertRefused(launch().header("Sec-Fetch-Site", site), 403, "foreign-page");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "/back?code=x&state=y", "/failed", "/ended"})
  void shouldLetAProviderLeadTheUserBackAndNothingElse(String page) throws IOException {
    String path = "/sign-in" + page;
    assertThat(visit(RawRequest.get(path), "navigate", "document")).isNotEqualTo(403);

    assertThat(visit(RawRequest.get(path), "navigate", "iframe")).isEqualTo(403);
    assertThat(visit(RawRequest.get(path), "no-cors", "image")).isEqualTo(403);
    assertThat(visit(RawRequest.get(path), "cors", "empty")).isEqualTo(403);
    assertThat(visit(RawRequest.post(path, ""), "navigate", "document")).isEqualTo(403);
    for (String other : new String[] {"/", "/sign-in/provider", "/sign-in/backs", LAUNCH}) {
      assertThat(visit(RawRequest.get(other), "navigate", "document")).as(other).isEqualTo(403);
    }
  }

  private int visit(RawRequest request, String mode, String destination) throws IOException {
    return request
        .header("Sec-Fetch-Site", "cross-site")
        .header("Sec-Fetch-Mode", mode)
        .header("Sec-Fetch-Dest", destination)
        .send(port)
        .status();
  }

  @ParameterizedTest
  @ValueSource(strings = {"same-origin", "none", ""})
  void shouldAnswerItsOwnPagesTheUserAndPrograms(String site) throws IOException {
    for (String path : new String[] {LAUNCH, "/", "/dashboard/app.js", "/q/openapi", "/q/health"}) {
      RawRequest read = RawRequest.get(path);
      assertThat((site.isEmpty() ? read : read.header("Sec-Fetch-Site", site)).send(port).status())
          .as(path)
          .isEqualTo(200);
    }
    RawRequest launch = launch();
    assertLaunched(site.isEmpty() ? launch : launch.header("Sec-Fetch-Site", site));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null", // a file, a sandbox
        "http://evil.example",
        "https://evil.example",
        "http://127.0.0.1:1", // another port
        "http://127.0.0.1", // port 80
        "https://atelier.example.org:9999", // a name of this server's, another port
        "http://api", // the setting has its port
        "http://localhost:{port}", // another name of this machine
        "https://127.0.0.1:{port}.evil.example",
        "file://",
        "chrome-extension://abcdefgh",
        "nonsense"
      })
  void shouldRefuseAForeignOrigin(String origin) throws IOException {
    assertRefused(
        launch().header("Origin", origin.replace("{port}", Integer.toString(port))),
        403,
        "foreign-page");
  }

  @ParameterizedTest
  @CsvSource({
    "http://127.0.0.1:{port},127.0.0.1:{port}",
    "http://localhost:{port},localhost:{port}",
    "http://[::1]:{port},[::1]:{port}",
    "https://atelier.example.org,atelier.example.org", // TLS ends at a proxy
    "https://atelier.example.org,127.0.0.1:{port}", // which calls the API by another name
    "https://x.below.example.org,x.below.example.org",
  })
  void shouldAnswerItsOwnOrigin(String origin, String host) throws IOException {
    String ownPort = Integer.toString(port);
    assertLaunched(
        launch()
            .header("Origin", origin.replace("{port}", ownPort))
            .header("Host", host.replace("{port}", ownPort)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost.",
        "192.168.1.7:8080",
        "[fe80::1]:8080",
        "atelier.example.org.evil.example",
        "below.example.org",
        "xbelow.example.org",
        "api:8081"
      })
  void shouldRefuseAHostThatItDoesNotGoBy(String host) throws IOException {
    assertRefused(launch().header("Host", host), 421, "unknown-host");
    for (String path : new String[] {"/", LAUNCH, "/q/openapi", "/q/swagger-ui/"}) {
      assertThat(RawRequest.get(path).header("Host", host).send(port).status())
          .as(path)
          .isIn(421, 400);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "127.0.0.1:8080", // another port: a tunnel
        "127.8.9.10:99",
        "localhost:5000",
        "LOCALHOST",
        "[::1]:8080",
        "atelier.example.org",
        "Atelier.Example.org:8443",
        "deep.x.below.example.org",
        "api:8080"
      })
  void shouldAnswerUnderItsOwnNames(String host) throws IOException {
    assertLaunched(launch().header("Host", host));
  }

  @Test
  void shouldLetNoPageDecodeWhereNoneIsNamedAndNobodyWithoutKeys() throws IOException {
    RawRequest decode =
        RawRequest.post("/api/v1/codec/decode", "{\"payloads\": []}").header("Content-Type", JSON);
    Answer off = decode.send(port);
    assertThat(off.status()).isEqualTo(404);
    assertThat(off.body()).contains("no keys (atelier.temporal.codec-keys-file)");
    assertRefused(decode.header("Origin", "http://127.0.0.1:8233"), 403, "foreign-page");
  }

  @Test
  void shouldRefuseAHostThatIsNone() throws IOException {
    for (String host : new String[] {"user@127.0.0.1", "127.0.0.1:x", ""}) {
      assertThat(launch().header("Host", host).send(port).status()).as(host).isIn(400, 421);
    }
    assertThat(experiments()).isEqualTo(before);
  }

  @Test
  void shouldAnswerProbesByAddressAndByNoName() throws IOException {
    for (String path : new String[] {"/q/health/ready", "/q/health/live", "/q/metrics"}) {
      for (String host : new String[] {"10.2.3.4:8080", "[fd00::1]:8080"}) {
        assertThat(RawRequest.get(path).header("Host", host).send(port).status())
            .as("%s of %s", path, host)
            .isEqualTo(200);
      }
      assertThat(RawRequest.get(path).header("Host", "evil.example").send(port).status())
          .isEqualTo(421);
    }
    assertThat(
            RawRequest.get("/q/health/../../api/v1/experiments")
                .header("Host", "10.2.3.4")
                .send(port)
                .status())
        .isEqualTo(421);
  }

  @Test
  void shouldRefuseABodyWithoutAContentType() throws IOException {
    RawRequest untyped = RawRequest.post(LAUNCH, SPEC);
    assertRefused(untyped, 415, "unsupported-media-type");
    assertRefused(
        RawRequest.post(LAUNCH, SPEC).header("Transfer-Encoding", "chunked"),
        415,
        "unsupported-media-type");
    for (String path : new String[] {"/", "/q/openapi", "/api/v1/tokens", "/api/v1/webhooks"}) {
      assertThat(RawRequest.post(path, "x").send(port).status()).as(path).isEqualTo(415);
    }
    for (String simple : new String[] {"text/plain", "application/x-www-form-urlencoded"}) {
      assertRefused(
          RawRequest.post(LAUNCH, SPEC).header("Content-Type", simple),
          415,
          "unsupported-media-type");
    }
    assertLaunched(launch().header("Transfer-Encoding", "chunked"));
  }

  @Test
  void shouldRefuseTheSameOverHttp2() throws Exception {
    HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
    HttpRequest.Builder launch =
        HttpRequest.newBuilder(server.resolve(LAUNCH)).POST(BodyPublishers.ofString(SPEC));
    assertThat(http.send(launch.build(), BodyHandlers.ofString()).statusCode()).isEqualTo(415);
    var launched = http.send(launch.header("Content-Type", JSON).build(), BodyHandlers.ofString());
    assertThat(launched.statusCode()).isEqualTo(202);
    assertThat(launched.version()).isEqualTo(HttpClient.Version.HTTP_2);
    assertThat(
            http.send(
                    launch.header("Sec-Fetch-Site", "cross-site").build(), BodyHandlers.ofString())
                .statusCode())
        .isEqualTo(403);
    assertThat(experiments()).isEqualTo(before + 1);
  }

  @Test
  void shouldExplainItselfToAUserWhomALinkOfAnotherSiteLeadsHere() throws IOException {
    Answer page =
        RawRequest.get("/")
            .header("Sec-Fetch-Site", "cross-site")
            .header("Sec-Fetch-Mode", "navigate")
            .send(port);
    assertThat(page.status()).isEqualTo(403);
    assertThat(page.header("Content-Type")).startsWith("text/html");
    assertThat(page.header("Content-Security-Policy")).contains("frame-ancestors 'none'");
    assertThat(page.body()).contains("Another site has led you here");
  }

  @Test
  void shouldTellBrowsersWhatTheyMayDoWithEachAnswer() throws IOException {
    for (String path :
        new String[] {
          "/",
          "/index.html",
          "/dashboard/app.js",
          "/q/swagger-ui/",
          "/q/openapi",
          "/q/health",
          LAUNCH,
          "/none",
          LAUNCH + "/none"
        }) {
      Answer answer = RawRequest.get(path).send(port);
      assertThat(answer.header("Content-Security-Policy"))
          .as(path)
          .contains("default-src 'none'")
          .contains("frame-ancestors 'none'");
      assertThat(answer.header("X-Content-Type-Options")).as(path).isEqualTo("nosniff");
      assertThat(answer.header("Referrer-Policy")).as(path).isEqualTo("no-referrer");
      assertThat(
              answer
                  .header("Content-Security-Policy")
                  .contains("script-src 'self' 'unsafe-inline'"))
          .as("inline scripts on %s", path)
          .isEqualTo(path.startsWith("/q/swagger-ui"));
    }
    assertThat(RawRequest.get("/").send(port).header("Cache-Control")).isEqualTo("no-cache");
    assertThat(RawRequest.get("/dashboard/app.js").send(port).header("Cache-Control"))
        .isEqualTo("no-cache");
    assertThat(RawRequest.get(LAUNCH).send(port).header("Content-Security-Policy"))
        .startsWith("sandbox;");
  }

  private RawRequest launch() {
    return RawRequest.post(LAUNCH, SPEC).header("Content-Type", JSON);
  }

  private void assertRefused(RawRequest request, int status, String type) throws IOException {
    Answer answer = request.send(port);
    assertThat(answer.status()).as(answer.body()).isEqualTo(status);
    assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(answer.body()).contains("/problems/" + type);
    assertThat(experiments()).isEqualTo(before);
  }

  private void assertLaunched(RawRequest request) throws IOException {
    Answer answer = request.send(port);
    assertThat(answer.status()).as(answer.body()).isEqualTo(202);
    assertThat(experiments()).isEqualTo(before + 1);
  }

  private long experiments() {
    return jdbi.withHandle(
        handle -> handle.createQuery("select count(*) from experiment").mapTo(Long.class).one());
  }
}
