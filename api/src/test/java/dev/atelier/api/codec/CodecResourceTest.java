package dev.atelier.api.codec;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;

import dev.atelier.api.LocalServers;
import dev.atelier.api.web.RawRequest;
import dev.atelier.api.web.RawRequest.Answer;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.path.json.JsonPath;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
@TestProfile(CodecResourceTest.Encrypted.class)
class CodecResourceTest {

  private static final String TOKEN = "atl_bootstrap-of-the-codec-0123456789-abcdefghijkl";
  private static final String UI = "http://127.0.0.1:8233";
  private static final String DECODE = "/api/v1/codec/decode";
  private static final String ENCODE = "/api/v1/codec/encode";
  private static final String JSON = "application/json";
  private static final String PLAIN =
      "{\"payloads\": [{\"metadata\": {\"encoding\": \"%s\"}, \"data\": \"%s\"}]}"
          .formatted(base64("json/plain"), base64("\"of nobody's business\""));

  /** An API with keys and tokens, which the Web UI's pages may ask. */
  public static class Encrypted implements QuarkusTestProfile {

    @Override
    public Map<String, String> getConfigOverrides() {
      return Map.of(
          "atelier.auth.mode",
          "tokens",
          "atelier.auth.bootstrap-token",
          TOKEN,
          "atelier.temporal.codec-keys-file",
          keys().toString(),
          "atelier.temporal.codec-origins",
          UI + "/,https://temporal.example.org");
    }

    private static Path keys() {
      try {
        Path file =
            Files.createTempFile(
                "codec",
                "keys",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        file.toFile().deleteOnExit();
        return Files.writeString(file, "k1 " + Base64.getEncoder().encodeToString(new byte[32]));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public List<TestResourceEntry> testResources() {
      return List.of(new TestResourceEntry(LocalServers.class));
    }

    @Override
    public boolean disableGlobalTestResources() {
      return true;
    }
  }

  @TestHTTPResource URI server;

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
  }

  private static RequestSpecification admin() {
    return given().header("Authorization", "Bearer " + TOKEN).contentType(JSON);
  }

  private static String encrypted() {
    return admin().body(PLAIN).post(ENCODE).then().statusCode(200).extract().asString();
  }

  private static void assertPlain(ValidatableResponse answer) {
    answer
        .statusCode(200)
        .body("payloads[0].metadata.encoding", equalTo(base64("json/plain")))
        .body("payloads[0].data", equalTo(base64("\"of nobody's business\"")));
  }

  @Test
  void shouldDecryptForAnAdministratorAndNobodyElse() {
    String encrypted = encrypted();
    JsonPath payload = JsonPath.from(encrypted);
    assertThat(payload.getString("payloads[0].metadata.encoding"))
        .isEqualTo(base64("binary/encrypted"));
    assertThat(payload.getString("payloads[0].metadata.'encryption-key-id'"))
        .isEqualTo(base64("k1"));

    assertPlain(admin().header("X-Namespace", "default").body(encrypted).post(DECODE).then());
    assertPlain(admin().body(PLAIN).post(DECODE).then());
    given().contentType(JSON).body(encrypted).post(DECODE).then().statusCode(401);
    String operator =
        admin()
            .body("{\"name\": \"o\", \"role\": \"operator\", \"projects\": [\"default\"]}")
            .post("/api/v1/tokens")
            .then()
            .extract()
            .path("token");
    given()
        .header("Authorization", "Bearer " + operator)
        .contentType(JSON)
        .body(encrypted)
        .post(DECODE)
        .then()
        .statusCode(403)
        .body("detail", containsString("needs the role admin"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'payloads': [{'metadata': {'encoding': 'YmluYXJ5L2VuY3J5cHRlZA==', 'encryption-key-id': 'b2xk'}, 'data': ''}]} | is encrypted with the key 'old', which atelier.temporal.codec-keys-file lacks",
        "{'payloads': [{'metadata': {'encoding': '§'}}]} | in Base64",
        "{'payloads': [null]} | The body must be",
        "{'payloads': 5} | The body must be",
        "null | found null",
        "[ | The body must be",
      })
  void shouldSayWhatItCannotDecode(String body, String detail) {
    admin()
        .body(body.replace('\'', '"'))
        .post(DECODE)
        .then()
        .statusCode(400)
        .contentType("application/problem+json")
        .body("detail", containsString(detail));
  }

  @Test
  void shouldDecodeNothingOfAnotherNamespace() {
    admin()
        .header("X-Namespace", "second")
        .body(encrypted())
        .post(DECODE)
        .then()
        .statusCode(400)
        .body(
            "detail",
            equalTo(
                "X-Namespace must be 'default', whose workflows this server knows, found 'second'."));
  }

  @Test
  void shouldLetAPageOfTheWebUiDecodeForItsUser() throws IOException {
    Answer asked =
        RawRequest.options(DECODE)
            .header("Origin", UI)
            .header("Sec-Fetch-Site", "same-site")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type,x-namespace")
            .send(server.getPort());
    assertThat(asked.status()).isEqualTo(204);
    assertThat(asked.header("Access-Control-Allow-Origin")).isEqualTo(UI);
    assertThat(asked.header("Access-Control-Allow-Headers")).contains("X-Namespace");

    Answer decoded = asPage(UI, DECODE).header("Cookie", cookie()).send(server.getPort());
    assertThat(decoded.status()).as(decoded.body()).isEqualTo(200);
    assertThat(decoded.header("Access-Control-Allow-Origin")).isEqualTo(UI);
    assertThat(decoded.header("Access-Control-Allow-Credentials")).isEqualTo("true");
    assertThat(decoded.body()).contains(base64("\"of nobody's business\""));

    Answer signedOut = asPage(UI, DECODE).send(server.getPort());
    assertThat(signedOut.status()).isEqualTo(401);
    assertThat(signedOut.header("Access-Control-Allow-Origin")).isEqualTo(UI);
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://127.0.0.1:8234", "http://evil.example", "null", UI + "/"})
  void shouldLetNoOtherPageDecode(String origin) throws IOException {
    Answer answer = asPage(origin, DECODE).header("Cookie", cookie()).send(server.getPort());
    assertThat(answer.status()).isEqualTo(403);
    assertThat(answer.body()).contains("/problems/foreign-page");
    assertThat(answer.header("Access-Control-Allow-Origin")).isEmpty();
  }

  @Test
  void shouldLetAPageOfTheWebUiAskForNothingElse() throws IOException {
    for (String path : new String[] {"/api/v1/tokens", "/api/v1/experiments", DECODE + "/x"}) {
      Answer answer = asPage(UI, path).header("Cookie", cookie()).send(server.getPort());
      assertThat(answer.status()).as(path).isEqualTo(403);
      assertThat(answer.body()).contains("/problems/foreign-page");
    }
  }

  private static RawRequest asPage(String origin, String path) {
    return RawRequest.post(path, encrypted())
        .header("Content-Type", JSON)
        .header("X-Namespace", "default")
        .header("Sec-Fetch-Site", "same-site")
        .header("Origin", origin);
  }

  private static String cookie() {
    return admin()
        .post("/api/v1/session")
        .then()
        .statusCode(204)
        .extract()
        .header("Set-Cookie")
        .replaceFirst(";.*", "");
  }
}
