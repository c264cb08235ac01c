package dev.atelier.api.maintenance;

import static io.restassured.RestAssured.given;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import dev.atelier.api.LocalServers;
import dev.atelier.store.objects.ObjectStore;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Deleting, and comparing both sides, on a real Postgres and a real S3 server. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class StoreHygieneTest {

  private static final String EXPERIMENTS = "/api/v1/experiments/";
  private static final String CHECKS = "/api/v1/maintenance/checks";

  @Inject Jdbi jdbi;
  @Inject ObjectStore store;
  @Inject Deletions deletions;
  @Inject StoreCheck storeCheck;
  @Inject FileUpkeep fileUpkeep;

  @BeforeEach
  void emptyTheStore() {
    keys("").forEach(store::delete);
    jdbi.useHandle(
        handle -> {
          handle.execute("delete from study");
          handle.execute("delete from experiment");
        });
  }

  @Test
  void shouldDeleteRowsAndObjectsOfAnEndedExperiment() {
    String id = experiment("DONE");
    trained(id, "teacher");

    given().delete(EXPERIMENTS + id).then().statusCode(204);

    given().get(EXPERIMENTS + id).then().statusCode(404);
    given().delete(EXPERIMENTS + id).then().statusCode(404);
    assertThat(keys("")).isEmpty();
    assertThat(number("select count(*) from model")).isZero();
    assertThat(number("select count(*) from deletion")).isZero();
  }

  @Test
  void shouldRefuseToDeleteAnExperimentThatRuns() {
    String id = experiment("TRAINING_TEACHER");
    trained(id, "teacher");

    given()
        .delete(EXPERIMENTS + id)
        .then()
        .statusCode(409)
        .body("type", equalTo("/problems/experiment-running"))
        .body("detail", containsString("cancel it first"));
    assertThat(keys("")).hasSize(3);
  }

  @Test
  void shouldHandOverWhatOthersHaveTakenOver() {
    String origin = experiment("DONE");
    trained(origin, "teacher");
    trained(origin, "student-1");
    String first = experiment("DONE");
    String second = experiment("DONE");
    takenOver(origin, first);
    takenOver(origin, second);

    given().delete(EXPERIMENTS + origin).then().statusCode(204);

    assertThat(keys("")).hasSize(2).allMatch(key -> key.contains("/teacher/"));
    assertThat(number("select count(*) from metric_point p join model m on m.id = p.model_id"))
        .isEqualTo(1);
    for (String heir : List.of(first, second)) {
      given()
          .get(EXPERIMENTS + heir + "/models/teacher/metrics")
          .then()
          .statusCode(200)
          .body("series[0].total", equalTo(1));
    }
    // The last user takes the objects along, though they lie under the first one's name.
    given().delete(EXPERIMENTS + first).then().statusCode(204);
    assertThat(keys("")).hasSize(2);
    given().delete(EXPERIMENTS + second).then().statusCode(204);
    assertThat(keys("")).isEmpty();
  }

  @Test
  void shouldFinishADeletionThatWasCutOffAfterItsRows() {
    String id = experiment("FAILED");
    trained(id, "teacher");
    jdbi.useTransaction(handle -> Deletions.deleteRows(handle, id));
    assertThat(keys("")).hasSize(3);

    deletions.removeObjects();

    assertThat(keys("")).isEmpty();
    assertThat(number("select count(*) from deletion")).isZero();
  }

  @Test
  void shouldDeleteAStudyWithItsExperiments() {
    String id = experiment("DONE");
    trained(id, "teacher");
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              insert into study (id, name, question, spec, stage, request_sha256)
              values ('s', 's', '', '{}', 'DONE', '')
              """);
          handle.execute("insert into study_member values ('s', 0, ?, cast('[]' as jsonb), 1)", id);
        });
    put("studies/s/report/report.html", "x");

    given().delete("/api/v1/studies/s").then().statusCode(204);

    assertThat(keys("")).isEmpty();
    given().get(EXPERIMENTS + id).then().statusCode(404);
  }

  @Test
  void shouldFindNothingInACleanStore() {
    trained(experiment("DONE"), "teacher");
    String prepared = experiment("DONE");
    jdbi.useHandle(
        handle ->
            handle.execute(
                "update experiment set dataset = cast('{\"sha256\": \"abc\"}' as jsonb) where id = ?",
                prepared));
    put("datasets/abc/shard-0", "images");
    put("extractors/def.pt", "kept for whoever needs it");
    age();

    check(false).body("orphans", equalTo(List.of())).body("missing", equalTo(List.of()));
  }

  @Test
  void shouldFindOrphansOnBothSidesAndRemoveOnlyThose() {
    String id = experiment("DONE");
    trained(id, "teacher");
    trained(id, "student-1");
    String lostCheckpoint = "experiments/%s/teacher/checkpoints/000000050-1/weights".formatted(id);
    put(lostCheckpoint, "of a save that was cut off");
    put("experiments/gone/export/teacher.pt", "of an experiment that is gone");
    put("datasets/nobody/shard-0", "of no experiment");
    store.delete(directory(id, "student-1") + "weights");
    age();

    check(false)
        .body("orphans.removed", equalTo(List.of(false, false, false)))
        .body(
            "orphans.key",
            equalTo(
                List.of(
                    "datasets/nobody/shard-0",
                    lostCheckpoint,
                    "experiments/gone/export/teacher.pt")))
        .body("missing.size()", equalTo(1))
        .body("missing[0].owner", containsString("checkpoint of student-1 of experiment " + id));
    check(true).body("orphans.removed", equalTo(List.of(true, true, true)));
    check(true).body("orphans", equalTo(List.of())).body("missing.size()", equalTo(1));
    assertThat(keys("")).contains(directory(id, "teacher") + "manifest.json").hasSize(4);
  }

  @Test
  void shouldRemoveMomentsOfDoneModelsOnceTheirExperimentsAreOld() {
    String old = ended("P2D");
    String young = ended("PT1H");
    for (String id : List.of(old, young)) {
      trained(id, "teacher");
      withMoments(id, "teacher");
    }
    String shared = ended("P2D");
    trained(shared, "teacher");
    withMoments(shared, "teacher");
    takenOver(shared, experiment("TRAINING_STUDENTS"));
    age();

    fileUpkeep.removeMoments(Duration.ofDays(1));
    check(true).body("orphans", equalTo(List.of())).body("missing", equalTo(List.of()));
    deletions.removeObjects();

    assertThat(keys(directory(old, "teacher")))
        .containsExactly(
            directory(old, "teacher") + "manifest.json", directory(old, "teacher") + "weights");
    assertThat(keys(directory(young, "teacher"))).hasSize(4);
    assertThat(keys(directory(shared, "teacher"))).hasSize(4);
    check(true).body("orphans", equalTo(List.of())).body("missing", equalTo(List.of()));
  }

  @Test
  void shouldRemoveOldCheckpointsButNotTheModel() {
    String old = ended("P2D");
    String young = ended("PT1H");
    for (String id : List.of(old, young)) {
      trained(id, "teacher");
      trained(id, "student-1");
      jdbi.useHandle(
          handle -> {
            handle.execute(
                """
                insert into checkpoint (model_id, step, manifest_key, manifest_sha256, bytes)
                select id, 50, replace(?, '0100-', '0050-'), 's', 5 from model
                where experiment_id = ? and key = 'teacher'
                """,
                directory(id, "teacher") + "manifest.json",
                id);
            handle.execute(
                "update model set state = 'FAILED' where experiment_id = ? and key = 'student-1'",
                id);
          });
      put(directory(id, "teacher").replace("0100-", "0050-") + "manifest.json", "{}");
    }

    fileUpkeep.removeCheckpoints(Duration.ofDays(1));
    deletions.removeObjects();

    assertThat(keys("experiments/%s/".formatted(old)))
        .containsExactly(
            "experiments/%s/export/teacher.pt".formatted(old),
            directory(old, "teacher") + "manifest.json",
            directory(old, "teacher") + "weights");
    assertThat(keys("experiments/%s/".formatted(young))).hasSize(6);
  }

  @Test
  void shouldRemoveOldSamplesAndNoModel() {
    String old = ended("P2D");
    String young = ended("PT1H");
    for (String id : List.of(old, young)) {
      trained(id, "teacher");
      String grid = "experiments/%s/samples/samples-teacher.png".formatted(id);
      put(grid, "picture");
      jdbi.useHandle(
          handle ->
              handle.execute(
                  """
                  insert into artifact (experiment_id, name, kind, object_key, content_type, bytes, sha256)
                  values (?, 'samples-teacher.png', 'grid', ?, 'image/png', 7, 's')
                  """,
                  id,
                  grid));
    }

    fileUpkeep.removeSamples(Duration.ofDays(1));
    deletions.removeObjects();

    assertThat(keys("experiments/%s/samples/".formatted(old))).isEmpty();
    assertThat(keys("experiments/%s/".formatted(old))).hasSize(3);
    assertThat(keys("experiments/%s/".formatted(young))).hasSize(4);
  }

  @Test
  void shouldRemoveADatasetThatNobodyHasOnceItIsOldWithoutBeingAskedForRepair() {
    String prepared = experiment("DONE");
    jdbi.useHandle(
        handle ->
            handle.execute(
                "update experiment set dataset = cast('{\"sha256\": \"abc\"}' as jsonb) where id = ?",
                prepared));
    put("datasets/abc/shard-0", "of an experiment");
    put("datasets/nobody/shard-0", "of none");
    put("experiments/gone/export/teacher.pt", "no dataset");

    LocalServers.setAge(Instant.now().minus(Duration.ofDays(29)));
    check(false).body("orphans.removed", equalTo(List.of(false, false)));
    LocalServers.setAge(Instant.now().minus(Duration.ofDays(31)));
    check(false)
        .body(
            "orphans.key",
            equalTo(List.of("datasets/nobody/shard-0", "experiments/gone/export/teacher.pt")))
        .body("orphans.removed", equalTo(List.of(true, false)));

    assertThat(keys(""))
        .containsExactly("datasets/abc/shard-0", "experiments/gone/export/teacher.pt");
  }

  private String ended(String age) {
    String id = experiment("DONE");
    jdbi.useHandle(
        handle ->
            handle.execute(
                "update experiment set finished_at = now() - cast(? as interval) where id = ?",
                age,
                id));
    return id;
  }

  private void withMoments(String id, String key) {
    put(directory(id, key) + "exp_avg.safetensors", "123");
    put(directory(id, key) + "exp_avg_sq.safetensors", "123");
    jdbi.useHandle(
        handle ->
            handle.execute(
                "update checkpoint set bytes = 11 where manifest_key = ?",
                directory(id, key) + "manifest.json"));
  }

  @Test
  void shouldGoOnWhereACheckWasCutOff() {
    put("experiments/gone/a", "looked at before");
    put("experiments/gone/b", "not looked at");
    age();
    long cutOff = unfinished("experiments/gone/a", "11 minutes");
    long running = unfinished("experiments/gone/a", "1 minute");

    storeCheck.resume();

    given()
        .get(CHECKS + "/" + cutOff)
        .then()
        .body("orphans.key", equalTo(List.of("experiments/gone/b")))
        .body("objects", equalTo(1))
        .body("finishedAt", notNullValue());
    given().get(CHECKS + "/" + running).then().body("finishedAt", nullValue());
    jdbi.useHandle(handle -> handle.execute("delete from store_check where id = ?", running));
  }

  private long unfinished(String checkedTo, String since) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    insert into store_check (repair, checked_to, touched_at)
                    values (false, :to, now() - cast(:since as interval)) returning id
                    """)
                .bind("to", checkedTo)
                .bind("since", since)
                .mapTo(Long.class)
                .one());
  }

  @Test
  void shouldNotTakeAYoungObjectForAnOrphan() {
    String id = experiment("TRAINING_TEACHER");
    put("experiments/%s/teacher/checkpoints/000000050-1/weights".formatted(id), "being saved");

    check(true).body("orphans", equalTo(List.of()));
    assertThat(keys("")).hasSize(1);
  }

  private ValidatableResponse check(boolean repair) {
    String location =
        given()
            .queryParam("repair", repair)
            .post(CHECKS)
            .then()
            .statusCode(202)
            .extract()
            .header("Location");
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> given().get(location).then().extract().path("finishedAt") != null);
    return given().get(location).then().statusCode(200).body("error", equalTo(null));
  }

  private String experiment(String stage) {
    String id = UUID.randomUUID().toString();
    jdbi.useHandle(
        handle ->
            handle.execute(
                "insert into experiment (id, name, spec, stage) values (?, 'e', '{}', ?)",
                id,
                stage));
    return id;
  }

  /** A model with one checkpoint of two objects, one point, and for the teacher a file. */
  private void trained(String id, String key) {
    String directory = directory(id, key);
    put(directory + "weights", "12345");
    put(directory + "manifest.json", "{}");
    if (key.equals("teacher")) {
      put("experiments/%s/export/teacher.pt".formatted(id), "abc");
    }
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              insert into model (experiment_id, key, position, range_low, range_high, state, total_steps)
              values (?, ?, 0, 0, 1000, 'DONE', 100)
              """,
              id,
              key);
          handle.execute(
              """
              insert into checkpoint (model_id, step, manifest_key, manifest_sha256, bytes, created_at)
              select id, 100, ?, 's', 5, now() - interval '1 day' from model
              where experiment_id = ? and key = ?
              """,
              directory + "manifest.json",
              id,
              key);
          handle.execute(
              """
              insert into metric_point select id, 'loss', 1, 0.5 from model
              where experiment_id = ? and key = ?
              """,
              id,
              key);
          if (key.equals("teacher")) {
            handle.execute(
                """
                insert into artifact (experiment_id, name, kind, object_key, content_type, bytes, sha256)
                values (?, 'teacher.pt', 'export', ?, 'x', 3, 's')
                """,
                id,
                "experiments/%s/export/teacher.pt".formatted(id));
          }
        });
  }

  private void takenOver(String origin, String id) {
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              insert into model (experiment_id, key, position, range_low, range_high, state,
                total_steps, reused_from)
              select ?, key, 0, 0, 1000, 'DONE', 100, id from model
              where experiment_id = ? and key = 'teacher'
              """,
              id,
              origin);
          handle.execute(
              """
              insert into checkpoint (model_id, step, manifest_key, manifest_sha256, bytes)
              select o.id, c.step, c.manifest_key, c.manifest_sha256, c.bytes
              from checkpoint c join model m on m.id = c.model_id
              join model o on o.experiment_id = ?
              where m.experiment_id = ? and m.key = 'teacher'
              """,
              id,
              origin);
        });
  }

  private static String directory(String id, String key) {
    return "experiments/%s/%s/checkpoints/000000100-1/"
        .formatted(id, key.replace("student-", "students/"));
  }

  private void put(String key, String text) {
    store.put(key, text.getBytes(UTF_8), "application/octet-stream");
  }

  /** Makes every object two hours old. */
  private void age() {
    LocalServers.setAge(Instant.now().minus(Duration.ofHours(2)));
  }

  private List<String> keys(String prefix) {
    List<String> keys = new ArrayList<>();
    store.list(prefix, object -> keys.add(object.key()));
    return keys;
  }

  private long number(String query) {
    return jdbi.withHandle(handle -> handle.createQuery(query).mapTo(Long.class).one());
  }
}
