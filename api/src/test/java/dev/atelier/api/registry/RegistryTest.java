package dev.atelier.api.registry;

import static io.restassured.RestAssured.given;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;

import dev.atelier.api.LocalServers;
import dev.atelier.store.objects.ObjectStore;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import jakarta.inject.Inject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LocalServers.class)
class RegistryTest {

  private static final String EXPERIMENTS = "/api/v1/experiments/";

  @Inject Jdbi jdbi;
  @Inject ObjectStore store;

  private String launched(String name) {
    String id =
        given()
            .contentType("application/yaml")
            .body(
                """
                {name: %s, seed: 7, dataset: {source: 'shapes?count=5000'},
                 students: {count: 2}}
                """
                    .formatted(name)
                    .getBytes(UTF_8))
            .post("/api/v1/experiments")
            .then()
            .statusCode(202)
            .extract()
            .path("id");
    given().post(EXPERIMENTS + id + "/cancel").then().statusCode(202);
    return id;
  }

  private void sql(String statement, Object... values) {
    jdbi.useHandle(handle -> handle.execute(statement, values));
  }

  @Test
  void shouldListTeachersWithWhatTakesThemOver() {
    String maker = launched("maker");
    String user = launched("user");
    String changed = launched("changed");
    String unfinished = launched("unfinished");
    sql(
        """
        update model set state = 'DONE', step = 100, parameters = 5, fingerprint = 'f',
          finished_at = now() where key = 'teacher' and experiment_id in (?, ?)
        """,
        maker,
        user);
    sql(
        """
        update model set reused_from = (
          select id from model where experiment_id = ? and key = 'teacher')
        where experiment_id = ? and key = 'teacher'
        """,
        maker,
        user);
    sql("update model set state = 'DONE' where key = 'teacher' and experiment_id = ?", changed);
    sql(
        """
        insert into evaluation (experiment_id, subject, metric, distance, parameters,
          images_per_second, peak_memory_bytes, protocol)
        values (?, 'teacher', 'd', 4.5, 5, 1, 1, '{}')
        """,
        maker);

    var teacher =
        given()
            .get("/api/v1/teachers/" + maker)
            .then()
            .statusCode(200)
            .body("id", equalTo(maker))
            .body("name", equalTo("maker"))
            .body("step", equalTo(100))
            .body("distance", equalTo(4.5f))
            .body("usedBy", equalTo(List.of(user)))
            .body("use.seed", equalTo(7))
            .body("use.dataset.source", equalTo("shapes?count=5000"))
            .extract();
    given()
        .get("/api/v1/teachers?limit=200")
        .then()
        .statusCode(200)
        .body("items.id", hasItem(maker))
        .body("items.id", hasItem(changed))
        .body("items.id", not(hasItem(user)))
        .body("items.id", not(hasItem(unfinished)));
    given().get("/api/v1/teachers/" + changed).then().statusCode(200).body("use", nullValue());
    for (String none : List.of(user, unfinished, "nothing")) {
      given()
          .get("/api/v1/teachers/" + none)
          .then()
          .statusCode(404)
          .body("type", equalTo("/problems/teacher-not-found"));
    }
    String cursor =
        given().get("/api/v1/teachers?limit=1").then().statusCode(200).extract().path("nextCursor");
    assertThat(cursor).isEqualTo(changed);
    given()
        .get("/api/v1/teachers?limit=1&cursor=" + cursor)
        .then()
        .statusCode(200)
        .body("items.id", equalTo(List.of(maker)));

    // What `use` holds is a spec as it stands.
    Map<String, Object> use = teacher.path("use");
    given()
        .contentType(ContentType.JSON)
        .body(use)
        .post("/api/v1/experiments?dryRun=true")
        .then()
        .statusCode(200);
  }

  @Test
  void shouldListDatasetsByTheirContent() {
    String first = launched("dataset-1");
    String second = launched("dataset-2");
    String sha = "d".repeat(60) + "0001";
    sql(
        """
        update experiment set dataset = cast(? as jsonb) where id in (?, ?)
        """,
        "{\"sha256\":\"%s\",\"images\":64,\"resolution\":16,\"channels\":3,\"skipped\":1,\"classes\":0,\"passedOver\":[{\"reason\":\"damaged\",\"files\":1,\"examples\":[\"a.png\"]}]}"
            .formatted(sha),
        first,
        second);
    given()
        .get("/api/v1/datasets?limit=200")
        .then()
        .statusCode(200)
        .body("items.find { it.sha256 == '%s' }.images".formatted(sha), equalTo(64))
        .body("items.find { it.sha256 == '%s' }.experiments".formatted(sha), equalTo(2))
        .body(
            "items.find { it.sha256 == '%s' }.passedOver[0].reason".formatted(sha),
            equalTo("damaged"))
        .body(
            "items.find { it.sha256 == '%s' }.sources".formatted(sha),
            equalTo(List.of("shapes?count=5000")))
        .body(
            "items.find { it.sha256 == '%s' }.newest".formatted(sha),
            equalTo(EXPERIMENTS + second));
    given()
        .get("/api/v1/datasets?cursor=" + sha)
        .then()
        .statusCode(200)
        .body("items.sha256", not(hasItem(sha)));
  }

  @Test
  void shouldShowTheModelsAndFiguresOfAnExperiment() {
    String id = launched("parts");
    given()
        .get(EXPERIMENTS + id + "/models/student-2")
        .then()
        .statusCode(200)
        .body("key", equalTo("student-2"))
        .body("range.high", equalTo(1000));
    given()
        .get(EXPERIMENTS + id + "/models/student-3")
        .then()
        .statusCode(404)
        .body("type", equalTo("/problems/model-not-found"));
    given().get(EXPERIMENTS + id + "/evaluations").then().statusCode(200).body("items", hasSize(0));
    for (String part : List.of("evaluations", "artifacts", "artifacts/x/link", "models/teacher")) {
      given()
          .get(EXPERIMENTS + "none/" + part)
          .then()
          .statusCode(404)
          .body("type", equalTo("/problems/experiment-not-found"));
    }
  }

  @Test
  void shouldServeFilesWhoseNamesHaveFolders() throws Exception {
    String id = launched("folders");
    byte[] content = "weights".getBytes(UTF_8);
    String key = "experiments/%s/export/student-1.safetensors".formatted(id);
    store.put(key, content, "application/octet-stream");
    for (String name : List.of("student-1.safetensors", "student-1/unet/model.safetensors")) {
      sql(
          """
          insert into artifact (experiment_id, name, kind, object_key, content_type, bytes, sha256)
          values (?, '%s', 'export', ?, 'application/octet-stream', 7, 'abc')
          """
              .formatted(name),
          id,
          key);
    }
    String href = EXPERIMENTS + id + "/artifacts/student-1/unet/model.safetensors";
    given().get(EXPERIMENTS + id + "/artifacts").then().body("items.href", hasItem(href));
    assertThat(get(URI.create(RestAssured.baseURI + ":" + RestAssured.port + href)).body())
        .isEqualTo(content);
    String encoded = EXPERIMENTS + id + "/artifacts/student-1%2Funet%2Fmodel.safetensors";
    given()
        .urlEncodingEnabled(false)
        .get(encoded)
        .then()
        .statusCode(200)
        .header("Content-Disposition", "inline; filename=\"model.safetensors\"")
        .body(equalTo("weights"));
    String link =
        given()
            .urlEncodingEnabled(false)
            .get(encoded + "/link")
            .then()
            .statusCode(200)
            .extract()
            .path("href");
    assertThat(get(URI.create(link)).body()).isEqualTo(content);
    given()
        .urlEncodingEnabled(false)
        .get(EXPERIMENTS + id + "/artifacts/student-1%2Funet")
        .then()
        .statusCode(404)
        .body("type", equalTo("/problems/artifact-not-found"));
  }

  @Test
  void shouldLinkToAFileThatNeedsNoCredentials() throws Exception {
    String id = launched("files");
    byte[] content = "weights".getBytes(UTF_8);
    String key = "experiments/%s/export/student-1.pt".formatted(id);
    store.put(key, content, "application/octet-stream");
    sql(
        """
        insert into artifact (experiment_id, name, kind, object_key, content_type, bytes, sha256)
        values (?, 'student-1.pt', 'export', ?, 'application/octet-stream', 7, 'abc')
        """,
        id,
        key);

    given()
        .get(EXPERIMENTS + id + "/artifacts")
        .then()
        .statusCode(200)
        .body("items.name", equalTo(List.of("student-1.pt")))
        .body("items[0].href", equalTo(EXPERIMENTS + id + "/artifacts/student-1.pt"));
    var link =
        given()
            .get(EXPERIMENTS + id + "/artifacts/student-1.pt/link")
            .then()
            .statusCode(200)
            .body("bytes", equalTo(7))
            .extract();
    URI href = URI.create(link.path("href"));
    assertThat(java.time.Instant.parse(link.path("expiresAt")))
        .isAfter(java.time.Instant.now().plusSeconds(3000));
    assertThat(get(href).body()).isEqualTo(content);

    // It is the signature that opens it, and of this object alone.
    assertThat(
            get(URI.create(href.toString().replace("student-1.pt", "student-2.pt"))).statusCode())
        .isEqualTo(403);
    assertThat(get(URI.create(href.toString().replaceAll("\\?.*", ""))).statusCode())
        .isEqualTo(403);
  }

  private static HttpResponse<byte[]> get(URI uri) throws Exception {
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofByteArray());
  }
}
