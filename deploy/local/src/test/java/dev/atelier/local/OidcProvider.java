package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.deploy.Programs;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;

/** A real OpenID Connect provider on another site than the api, which is at 127.0.0.1. */
final class OidcProvider implements AutoCloseable {

  static final String SECRET = "secret-of-the-dashboards-client-in-this-test";

  private final String issuer;
  private final Process process;

  private OidcProvider(String issuer, Process process) {
    this.issuer = issuer;
    this.process = process;
  }

  /** Starts it for the clients {@code confidential} and {@code public}, each before an api. */
  static OidcProvider start(Path log, String confidential, String open) throws Exception {
    int port = Ports.anyFree();
    ProcessBuilder builder =
        new ProcessBuilder(
                Programs.find("oidc_provider").orElseThrow().toString(),
                StackUnderTest.ROOT
                    .resolve("deploy/local/src/test/resources/oidc-provider/provider.mjs")
                    .toString(),
                Integer.toString(port),
                confidential,
                open)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("SECRET", SECRET);
    OidcProvider provider = new OidcProvider("http://localhost:" + port, builder.start());
    Waiting.until(
        () -> {
          assertThat(provider.process.isAlive()).as("%s", Files.readString(log)).isTrue();
          return Files.readString(log).contains("ready");
        });
    return provider;
  }

  String issuer() {
    return issuer;
  }

  /** Changes what it says of a person from their next sign-in on. */
  void says(String person, String claims) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(issuer + "/people/" + person))
            .PUT(BodyPublishers.ofString(claims))
            .build();
    assertThat(HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).statusCode())
        .isEqualTo(204);
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
