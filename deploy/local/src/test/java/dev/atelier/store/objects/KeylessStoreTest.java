package dev.atelier.store.objects;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import dev.atelier.store.S3ServerProcess;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No keys in the settings: a real MinIO's STS gives them for a token, as AWS's does. */
@RequiresProgram("minio")
class KeylessStoreTest {

  @TempDir private static Path data;
  private static IdentityProvider provider;
  private static S3ServerProcess server;

  @TempDir private Path directory;
  private Path tokenFile;
  private final Later clock = new Later();

  @BeforeAll
  static void start() throws Exception {
    provider = new IdentityProvider();
    server =
        S3ServerProcess.minio(
            Programs.find("minio").orElseThrow().toString(),
            data,
            Map.of(
                "MINIO_IDENTITY_OPENID_CONFIG_URL",
                provider.issuer() + "/.well-known/openid-configuration",
                "MINIO_IDENTITY_OPENID_CLIENT_ID",
                IdentityProvider.AUDIENCE,
                "MINIO_IDENTITY_OPENID_CLAIM_NAME",
                "policy"));
  }

  @AfterAll
  static void stop() {
    server.close();
    provider.close();
  }

  @BeforeEach
  void name() {
    tokenFile = directory.resolve("token");
  }

  private ObjectStore store(Map<String, String> environment) {
    StoreSettings settings =
        new StoreSettings(
            server.endpoint(),
            Optional.of(server.endpoint()),
            S3ServerProcess.BUCKET,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());
    return new ObjectStore(settings, ObjectStore.transport(Optional.empty()), environment, clock);
  }

  private ObjectStore storeOfTheToken() {
    return store(
        Map.of(
            "AWS_WEB_IDENTITY_TOKEN_FILE", tokenFile.toString(),
            "AWS_ENDPOINT_URL_STS", server.endpoint(),
            "AWS_REGION", "us-east-1"));
  }

  private static Instant in(Duration time) {
    return Instant.now().plus(time).truncatedTo(ChronoUnit.SECONDS);
  }

  @Test
  void shouldReadAndWriteAndListWithAWebIdentity() throws Exception {
    Files.writeString(tokenFile, provider.token("readwrite", in(Duration.ofHours(1))));
    ObjectStore store = storeOfTheToken();
    store.ensureBucket();
    store.put("keyless/a", "content".getBytes(UTF_8), "text/plain");
    assertThat(store.get("keyless/a")).hasValue("content".getBytes(UTF_8));
    assertThat(store.list("keyless/")).contains("keyless/a");
    assertThat(store.listForeign(S3ServerProcess.BUCKET, "keyless/", 10)).isNotEmpty();
    Path large = directory.resolve("large");
    Files.write(large, new byte[12 << 20]); // several requests, each signed
    store.put("keyless/large", large, "application/octet-stream");
    store.fetch("keyless/large", Sha256.of(large), directory.resolve("copy"));
    store.delete("keyless/large");
    assertThat(store.exists("keyless/large")).isFalse();
  }

  @Test
  void shouldSignLinksThatLiveNoLongerThanItsKeys() throws Exception {
    Instant end = in(Duration.ofMinutes(30));
    Files.writeString(tokenFile, provider.token("readwrite", end));
    ObjectStore store = storeOfTheToken();
    store.put("keyless/linked", "content".getBytes(UTF_8), "text/plain");
    ObjectStore.Link link = store.link("keyless/linked", Duration.ofHours(1)).orElseThrow();
    HttpResponse<String> answer =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(link.href()).build(), HttpResponse.BodyHandlers.ofString());
    assertThat(answer.body()).isEqualTo("content");
    assertThat(link.expiresAt()).isAfter(Instant.now()).isBeforeOrEqualTo(end);
    ObjectStore.Link shorter = store.link("keyless/linked", Duration.ofMinutes(5)).orElseThrow();
    assertThat(shorter.expiresAt()).isBefore(end.minus(Duration.ofMinutes(20)));
  }

  @Test
  void shouldRefuseTokensThatSomebodyElseSignedOrThatHaveExpired() throws Exception {
    for (String token :
        new String[] {
          provider.forgedToken("readwrite", in(Duration.ofHours(1))),
          provider.token("readwrite", in(Duration.ofHours(-1))),
          "no token"
        }) {
      Files.writeString(tokenFile, token);
      ObjectStore store = storeOfTheToken();
      assertThatThrownBy(store::ensureBucket)
          .isInstanceOf(StoreRefusedException.class)
          .hasMessageMatching(
              "no keys from the web identity in '\\Q%s\\E' \\(AWS_WEB_IDENTITY_TOKEN_FILE\\): \\Q%s\\E/ answers 40[03] .+"
                  .formatted(tokenFile, server.endpoint()))
          .hasMessageNotContaining(token);
      assertThatThrownBy(() -> store.get("keyless/a"))
          .isInstanceOf(StoreUnavailableException.class)
          .hasMessageContaining("no keys from the web identity");
    }
  }

  @Test
  void shouldAskAgainWithTheTokenThatTheFileHasThen() throws Exception {
    Files.writeString(tokenFile, provider.token("readonly", in(Duration.ofMinutes(20))));
    ObjectStore store = storeOfTheToken();
    byte[] content = "renewed".getBytes(UTF_8);
    assertThatThrownBy(() -> store.put("keyless/b", content, "text/plain"))
        .hasMessageContaining("Access Denied");

    Files.writeString(tokenFile, provider.token("readwrite", in(Duration.ofMinutes(40))));
    assertThatThrownBy(() -> store.put("keyless/b", content, "text/plain"))
        .as("with the keys of the former token")
        .hasMessageContaining("Access Denied");
    clock.by = Duration.ofMinutes(6);
    store.put("keyless/b", content, "text/plain");
    assertThat(store.get("keyless/b")).hasValue(content);
  }

  @Test
  void shouldSayThatAnIdentityMayNotUseTheBucket() throws Exception {
    Files.writeString(tokenFile, provider.token("diagnostics", in(Duration.ofHours(1))));
    assertThatThrownBy(storeOfTheToken()::ensureBucket)
        .isInstanceOf(StoreRefusedException.class)
        .hasMessageContaining("it refuses the bucket 'contract' with 403")
        .hasMessageContaining("expected keys that may use it (the web identity in '");
  }

  @Test
  void shouldTakeTheKeysOfTheEnvironment() {
    ObjectStore store =
        store(
            Map.of(
                "AWS_ACCESS_KEY_ID", S3ServerProcess.USER,
                "AWS_SECRET_ACCESS_KEY", S3ServerProcess.PASSWORD));
    store.put("keyless/c", "content".getBytes(UTF_8), "text/plain");
    assertThat(store.exists("keyless/c")).isTrue();
    ObjectStore wrong =
        store(
            Map.of(
                "AWS_ACCESS_KEY_ID",
                S3ServerProcess.USER,
                "AWS_SECRET_ACCESS_KEY",
                "not-the-password"));
    assertThatThrownBy(wrong::ensureBucket)
        .isInstanceOf(StoreRefusedException.class)
        .hasMessageContaining("(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)");
  }

  /** The time of this machine, and more where a test says so. */
  private static final class Later extends Clock {

    private Duration by = Duration.ZERO;

    @Override
    public Instant instant() {
      return Instant.now().plus(by);
    }

    @Override
    public ZoneId getZone() {
      return Clock.systemUTC().getZone();
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }
}
