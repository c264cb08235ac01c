package dev.atelier.store.objects;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.minio.credentials.Credentials;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.ProviderException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreKeysTest {

  private static final String KEYS =
      """
      {"Code": "Success", "AccessKeyId": "given-key", "SecretAccessKey": "given-secret",
       "Token": "given-session", "Expiration": "2100-01-01T00:00:00Z"}
      """;

  private final List<String> asked = new CopyOnWriteArrayList<>();
  private HttpServer server;
  private String address;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.start();
    address = "http://127.0.0.1:" + server.getAddress().getPort();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  /** Answers at a path, and notes what is asked and with which header. */
  private void answer(String path, int status, String body, String header) {
    server.createContext(
        path,
        exchange -> {
          asked.add(
              "%s %s %s"
                  .formatted(
                      exchange.getRequestMethod(),
                      exchange.getRequestURI(),
                      exchange.getRequestHeaders().getFirst(header)));
          byte[] bytes = body.getBytes(UTF_8);
          exchange.sendResponseHeaders(status, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  private static StoreKeys keys(
      Optional<String> accessKey, Optional<String> secretKey, Map<String, String> environment) {
    return StoreKeys.of(
        new StoreSettings(
            "http://127.0.0.1:1",
            Optional.empty(),
            "bucket",
            Optional.empty(),
            accessKey,
            secretKey,
            Optional.empty()),
        environment,
        new OkHttpClient(),
        Clock.systemUTC());
  }

  private static StoreKeys keyless(Map<String, String> environment) {
    return keys(Optional.empty(), Optional.empty(), environment);
  }

  @Test
  void shouldPreferTheSettingsAndLeaveTheRegionOfTheEnvironmentAlone() {
    StoreKeys keys =
        keys(
            Optional.of("key"),
            Optional.of("secret"),
            Map.of(
                "AWS_ACCESS_KEY_ID", "other", "AWS_SECRET_ACCESS_KEY", "x", "AWS_REGION", "r-1"));
    assertThat(keys.provider().fetch().accessKey()).isEqualTo("key");
    assertThat(keys.region()).isEmpty();
  }

  @Test
  void shouldTakeKeysAndRegionOfTheEnvironmentBeforeAWebIdentity() {
    StoreKeys keys =
        keyless(
            Map.of(
                "AWS_ACCESS_KEY_ID", "key",
                "AWS_SECRET_ACCESS_KEY", "secret",
                "AWS_SESSION_TOKEN", "session",
                "AWS_WEB_IDENTITY_TOKEN_FILE", "/none",
                "AWS_REGION", "eu-central-1"));
    Credentials found = keys.provider().fetch();
    assertThat(List.of(found.accessKey(), found.secretKey(), found.sessionToken()))
        .containsExactly("key", "secret", "session");
    assertThat(keys.region()).hasValue("eu-central-1");
  }

  @Test
  void shouldRefuseHalfOfAPairInOneSentence() {
    assertThatThrownBy(() -> keys(Optional.of("key"), Optional.empty(), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "atelier.s3.access-key is set without atelier.s3.secret-key; expected both, or neither where keys come from the environment, a web identity, the container or the instance.");
    assertThatThrownBy(() -> keys(Optional.empty(), Optional.of("secret"), Map.of()))
        .hasMessageStartingWith("atelier.s3.secret-key is set without atelier.s3.access-key;");
    assertThatThrownBy(() -> keyless(Map.of("AWS_ACCESS_KEY_ID", "key")))
        .hasMessageStartingWith("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY;");
  }

  @Test
  void shouldTakeEmptyVariablesForNone() {
    assertThat(
            keyless(
                    Map.of(
                        "AWS_ACCESS_KEY_ID", "",
                        "AWS_WEB_IDENTITY_TOKEN_FILE", "",
                        "AWS_REGION", ""))
                .named())
        .startsWith("the instance's role");
  }

  @Test
  void shouldAskTheContainersAddressWithItsToken(@TempDir Path directory) throws IOException {
    answer("/v1/credentials", 200, KEYS, "Authorization");
    Path token = Files.writeString(directory.resolve("token"), "of the pod\n");
    StoreKeys keys =
        keyless(
            Map.of(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                address + "/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                token.toString()));
    for (int i = 0; i < 2; i++) {
      Credentials found = keys.provider().fetch();
      assertThat(List.of(found.accessKey(), found.secretKey(), found.sessionToken()))
          .containsExactly("given-key", "given-secret", "given-session");
      assertThat(found.expiration().toInstant()).isEqualTo(Instant.parse("2100-01-01T00:00:00Z"));
    }
    assertThat(asked).containsExactly("GET /v1/credentials of the pod");
  }

  @Test
  void shouldAskTheInstanceForItsRole() {
    String header = "X-aws-ec2-metadata-token";
    answer("/latest/api/token", 200, "of the instance", header);
    answer("/latest/meta-data/iam/security-credentials/", 200, "atelier", header);
    answer("/latest/meta-data/iam/security-credentials/atelier", 200, KEYS, header);
    StoreKeys keys = keyless(Map.of("AWS_EC2_METADATA_SERVICE_ENDPOINT", address));
    assertThat(keys.provider().fetch().accessKey()).isEqualTo("given-key");
    assertThat(asked)
        .hasSize(3)
        .last()
        .isEqualTo("GET /latest/meta-data/iam/security-credentials/atelier of the instance");
  }

  @Test
  void shouldSayThatAnInstanceHasNoRole() {
    answer("/", 404, "", "Authorization");
    StoreKeys keys = keyless(Map.of("AWS_EC2_METADATA_SERVICE_ENDPOINT", address));
    assertThatThrownBy(() -> keys.provider().fetch())
        .isInstanceOf(ProviderException.class)
        .hasMessageContaining("no keys from the instance's role")
        .hasMessageContaining("security-credentials/ answers 404");
  }

  @Test
  void shouldSayWhyAWebIdentityIsRefusedWithoutItsToken(@TempDir Path directory)
      throws IOException {
    answer(
        "/",
        403,
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not that one</Message></Error></ErrorResponse>",
        "Authorization");
    Path token = Files.writeString(directory.resolve("token"), "secret-token");
    StoreKeys keys =
        keyless(
            Map.of(
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                token.toString(),
                "AWS_ROLE_ARN",
                "arn:aws:iam::123456789012:role/atelier",
                "AWS_ENDPOINT_URL_STS",
                address));
    assertThatThrownBy(() -> keys.provider().fetch())
        .hasMessage(
            "no keys from the web identity in '%s' (AWS_WEB_IDENTITY_TOKEN_FILE): %s/ answers 403 AccessDenied: Not that one"
                .formatted(token, address))
        .satisfies(e -> assertThat(e.toString()).doesNotContain("secret-token"));
    assertThat(asked)
        .singleElement()
        .asString()
        .contains("Action=AssumeRoleWithWebIdentity", "WebIdentityToken=secret-token", "RoleArn=");
  }

  @Test
  void shouldSayThatATokensFileCannotBeRead(@TempDir Path directory) {
    StoreKeys keys =
        keyless(
            Map.of(
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                directory.resolve("none").toString(),
                "AWS_ENDPOINT_URL_STS",
                address));
    assertThatThrownBy(() -> keys.provider().fetch()).hasMessageContaining("none");
  }
}
