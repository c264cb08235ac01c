package dev.atelier.api.contract;

import static dev.atelier.api.Launches.launchNamed;
import static io.restassured.RestAssured.given;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import dev.atelier.api.LocalServers;
import dev.atelier.store.objects.ObjectStore;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

/** Files come as they were stored, and requests that other tests only see refused are taken. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class FilesAndRequestsTest {

  private static final String EXPERIMENTS = "/api/v1/experiments/";
  private static final byte[] PICTURE = "a picture".getBytes(UTF_8);

  @Inject Jdbi jdbi;
  @Inject ObjectStore store;

  private void put(String key) throws Exception {
    store.put(key, PICTURE, "application/octet-stream");
  }

  private void checkFile(String address) {
    Response first = given().get(address);
    assertThat(first.statusCode()).isEqualTo(200);
    assertThat(first.asByteArray()).isEqualTo(PICTURE);
    assertThat(first.contentType()).isEqualTo("image/png");
    given().header("If-None-Match", first.header("ETag")).get(address).then().statusCode(304);
  }

  @Test
  void shouldTakeAnEmptyParameterForOneThatWasLeftOut() {
    Map<String, Map<String, Object>> paths =
        given().accept("application/json").get("/q/openapi").then().extract().path("paths");
    int tried = 0;
    for (Map.Entry<String, Map<String, Object>> path : paths.entrySet()) {
      if (path.getKey().contains("{") || !(path.getValue().get("get") instanceof Map<?, ?> get)) {
        continue;
      }
      for (Object each :
          (List<?>) Optional.<Object>ofNullable(get.get("parameters")).orElse(List.of())) {
        Map<?, ?> parameter = (Map<?, ?>) each;
        if (Boolean.TRUE.equals(parameter.get("allowEmptyValue"))) {
          String request = path.getKey() + "?" + parameter.get("name") + "=";
          assertThat(given().get(request).statusCode()).as(request).isEqualTo(200);
          tried++;
        }
      }
    }
    assertThat(tried).isGreaterThan(15);
    given().post("/api/v1/maintenance/checks?repair=").then().statusCode(202);
  }

  @Test
  void shouldServeTheFilesOfAnExperiment() throws Exception {
    String id = launchNamed("files");
    String key = "experiments/%s/samples/samples-teacher.png".formatted(id);
    put(key);
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into artifact (experiment_id, name, kind, object_key, content_type, bytes,
                  sha256)
                values (?, 'samples-teacher.png', 'grid', ?, 'image/png', ?, 'abc')
                """,
                id,
                key,
                PICTURE.length));
    checkFile(EXPERIMENTS + id + "/artifacts/samples-teacher.png");
    checkFile(EXPERIMENTS + id + "/samples/teacher.png");
  }

  @Test
  void shouldServeTheFilesOfAStudy() throws Exception {
    String id = "study-" + UUID.randomUUID();
    String key = "studies/%s/report/plot.png".formatted(id);
    put(key);
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              insert into study (id, name, question, spec, stage, request_sha256)
              values (?, 's', 'q', '{"name": "s", "question": "q"}', 'DONE', '')
              """,
              id);
          handle.execute(
              """
              insert into study_artifact (study_id, name, object_key, content_type, bytes, sha256)
              values (?, 'plot.png', ?, 'image/png', ?, 'abc')
              """,
              id,
              key,
              PICTURE.length);
        });
    checkFile("/api/v1/studies/" + id + "/artifacts/plot.png");
  }

  @Test
  void shouldTakeARetryOfTheTeacherAndAnEvaluationAnew() {
    String teacher = launchNamed("teacher-failed");
    given()
        .post(EXPERIMENTS + teacher + "/teacher/retry")
        .then()
        .statusCode(202)
        .body("id", equalTo(teacher));
    String evaluated = launchNamed("evaluated");
    given()
        .post(EXPERIMENTS + evaluated + "/evaluation/rerun")
        .then()
        .statusCode(202)
        .body("id", equalTo(evaluated));
  }
}
