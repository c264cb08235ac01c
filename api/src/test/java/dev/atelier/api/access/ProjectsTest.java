package dev.atelier.api.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.nullValue;

import dev.atelier.api.project.StoredBytes;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

/** What projects may have, what becomes of launches beyond it, and what projects cost. */
@QuarkusTest
@TestProfile(SecuredProfile.class)
class ProjectsTest {

  private static final String EXPERIMENTS = "/api/v1/experiments";

  @Inject Jdbi jdbi;
  @Inject StoredBytes stored;

  private final String project = "p-" + UUID.randomUUID();

  private static RequestSpecification as(String token) {
    return given().header("Authorization", "Bearer " + token).contentType("application/json");
  }

  private static RequestSpecification admin() {
    return as(SecuredProfile.BOOTSTRAP_TOKEN);
  }

  private String quota() {
    return "/api/v1/projects/" + project + "/quota";
  }

  private ValidatableResponse set(String quota) {
    return admin().body(quota).put(quota()).then();
  }

  private Response launch(RequestSpecification caller, String compute, boolean dryRun) {
    return caller
        .queryParam("project", project)
        .queryParam("dryRun", dryRun)
        .body(
            "{\"name\": \"q\", \"compute\": \"%s\", \"students\": {\"count\": 1}}"
                .formatted(compute))
        .post(EXPERIMENTS);
  }

  private Response launch() {
    return launch(admin(), "cpu", false);
  }

  private static void refused(Response answer, String sentence) {
    answer
        .then()
        .statusCode(409)
        .body("type", equalTo("/problems/quota-exhausted"))
        .body("detail", containsString(sentence));
  }

  private void sql(String statement, Object... values) {
    jdbi.useHandle(handle -> handle.execute(statement, values));
  }

  @Test
  void shouldRefuseToLaunchMoreThanMayBeOpenUntilOneHasEnded() {
    set("{\"experimentsWaiting\": 2}").statusCode(200).body("quota.experimentsWaiting", equalTo(2));
    launch().then().statusCode(202);
    launch(admin(), "cpu", true).then().statusCode(200).body("warnings", empty());
    String second = launch().path("id");
    refused(
        launch(),
        "Project '%s' may have 2 experiment(s) that have not ended and has 2, so that 1 more cannot be launched: wait until some have ended"
            .formatted(project));
    launch(admin(), "cpu", true)
        .then()
        .statusCode(200)
        .body("warnings", hasItem(containsString("has 2, so that 1 more cannot be launched")));
    admin().get(quota()).then().body("used.experiments", equalTo(2));

    sql("update experiment set stage = 'DONE', finished_at = now() where id = ?", second);
    launch().then().statusCode(202);
    set("{\"experimentsWaiting\": 3}");
    refused(
        admin()
            .queryParam("project", project)
            .body(
                """
                {"name": "s", "question": "?", "base": {"students": {"count": 1}},
                  "axes": [{"name": "p", "field": "students.specificProbability",
                    "values": [0.5, 0.8]}]}
                """)
            .post("/api/v1/studies"),
        "has 2, so that 2 more cannot be launched");
    set("{}").body("quota.experimentsWaiting", nullValue());
    launch().then().statusCode(202);
  }

  @Test
  void shouldAnswerARepeatedLaunchAlsoWhereThereIsNoRoomForAnother() {
    set("{\"experimentsWaiting\": 1}");
    String key = UUID.randomUUID().toString();
    String id = launch(admin().header("Idempotency-Key", key), "cpu", false).path("id");
    launch(admin().header("Idempotency-Key", key), "cpu", false)
        .then()
        .statusCode(202)
        .body("id", equalTo(id));
    assertThat(launch().statusCode()).isEqualTo(409);
  }

  @Test
  void shouldLetNoMoreInWhenAllLaunchAtOnce() throws Exception {
    assertThat(launchedOfTwelve()).as("without a bound").isEqualTo(12);
    set("{\"experimentsWaiting\": 15}");
    assertThat(launchedOfTwelve()).isEqualTo(3);
  }

  private long launchedOfTwelve() throws Exception {
    CyclicBarrier all = new CyclicBarrier(12);
    ExecutorService callers = Executors.newFixedThreadPool(12);
    try {
      List<Future<Integer>> answers = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        answers.add(
            callers.submit(
                () -> {
                  all.await();
                  return launch().statusCode();
                }));
      }
      long launched = 0;
      for (Future<Integer> answer : answers) {
        assertThat(answer.get()).isIn(202, 409);
        launched += answer.get() == 202 ? 1 : 0;
      }
      return launched;
    } finally {
      callers.shutdownNow();
    }
  }

  @Test
  void shouldRefuseToLaunchOnDevicesWhoseHoursAreUsedUpUntilTheNextMonth() {
    set("{\"gpuHoursPerMonth\": 1.5}");
    use("GPU", 5000);
    launch(admin(), "gpu-h100", false).then().statusCode(202);
    use("GPU", 400);
    refused(
        launch(admin(), "gpu-h100", false),
        "Project '%s' may use 1.50 GPU-hours a month and has used 1.50: launch when the next month begins (UTC)"
            .formatted(project));
    launch().then().statusCode(202);
    sql("update project_usage set month = month - interval '1 month' where project = ?", project);
    launch(admin(), "gpu-h100", false).then().statusCode(202);
  }

  private void use(String kind, double amount) {
    sql(
        """
        insert into project_usage values (?, usage_month(), ?, ?)
        on conflict (project, month, kind)
        do update set amount = project_usage.amount + excluded.amount
        """,
        project,
        kind,
        amount);
  }

  @Test
  void shouldRefuseToLaunchWhereAllThatMayBeStoredIsUntilSomeIsDeleted() {
    String id = launch().path("id");
    sql(
        """
        insert into checkpoint (model_id, step, manifest_key, manifest_sha256, bytes)
        select id, 10, 'm-' || experiment_id, '', 500 from model where experiment_id = ?
        """,
        id); // of both models the same one, which counts once
    sql("update experiment set dataset = ?::jsonb where id = ?", DATASET, id);
    set("{\"storedBytes\": 2036}").body("used.storedBytes", equalTo(500 + 2 * 16 * 16 * 3));
    refused(launch(), "may store 2036 bytes and has stored 2036: delete experiments".formatted());
    set("{\"storedBytes\": 2037}");
    launch().then().statusCode(202);
  }

  private static final String DATASET =
      "{\"sha256\": \"d\", \"images\": 2, \"resolution\": 16, \"channels\": 3, \"skipped\": 0, \"classes\": 0}";

  @Test
  void shouldSayWhyWorkWaits() {
    String id = launch().path("id");
    sql(
        """
        insert into device_turn (experiment_id, work, project, awaits, reason, asked_at)
        values (?, 'student-1', ?, 'DEVICE', 'There is no device.', now() - interval '1 h'),
          (?, 'student-2', ?, 'DEVICE', 'Nor here.', now()),
          (?, 'teacher', ?, null, null, now())
        """,
        id,
        project,
        id,
        project,
        id,
        project);
    admin()
        .get(EXPERIMENTS + "/" + id)
        .then()
        .body("warnings", contains("There is no device. 1 more of its pieces of work wait."));
    admin().get(quota()).then().body("used.waiting", equalTo(2)).body("used.devices", equalTo(1));
    sql("update device_turn set seen_at = now() - interval '4 min' where project = ?", project);
    admin().get(EXPERIMENTS + "/" + id).then().body("warnings", empty());
  }

  @Test
  void shouldTellCostsByMonth() {
    launch();
    use("GPU", 7200);
    sql("insert into project_usage values (?, '2026-01-01', 'CPU', 1800)", project);
    sql(
        "insert into project_usage values (?, '2026-01-01', 'STORED', ?)",
        project,
        730.0 * (1L << 30) * 4);
    String usage = "/api/v1/projects/" + project + "/usage";
    Response answer = admin().get(usage);
    answer.then().statusCode(200).body("items.currency", contains("EUR", "EUR"));
    assertThat(answer.jsonPath().getDouble("items[0].gpuHours")).isEqualTo(2);
    assertThat(answer.jsonPath().getDouble("items[0].cost")).isEqualTo(2 * 2.5);
    assertThat(answer.jsonPath().getString("items[1].month")).isEqualTo("2026-01");
    assertThat(answer.jsonPath().getDouble("items[1].gibMonths")).isCloseTo(4, within(1e-9));
    assertThat(answer.jsonPath().getDouble("items[1].cost"))
        .isCloseTo(0.5 * 0.5 + 4 * 0.125, within(1e-9));
    admin().queryParam("months", 1).get(usage).then().body("items.month.size()", equalTo(1));
    admin().queryParam("months", 0).get(usage).then().statusCode(400);
    assertThat(admin().accept("text/csv").get(usage).then().statusCode(200).extract().asString())
        .startsWith("project,month,gpuHours,cpuHours,gibMonths,cost,currency")
        .contains("%s,2026-01,0.0,0.5,4.0,0.75,EUR".formatted(project));
  }

  @Test
  void shouldCountAnHourOfWhatIsStored() {
    String id = launch().path("id");
    sql("update experiment set dataset = ?::jsonb where id = ?", DATASET, id);
    stored.count();
    stored.count();
    double byteHours =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery(
                        "select amount from project_usage where project = :project and kind = 'STORED'")
                    .bind("project", project)
                    .mapTo(Double.class)
                    .one());
    assertThat(byteHours).isEqualTo(2 * 2 * 16 * 16 * 3);
  }

  @Test
  void shouldShowAProjectToItsOwnAndLetAdminsAloneSetItsBounds() {
    RequestSpecification own = as(TokenIssuer.token("operator", project));
    launch();
    set("{\"devicesAtOnce\": 4}");
    given(own).get(quota()).then().statusCode(200).body("quota.devicesAtOnce", equalTo(4));
    given(own).get("/api/v1/projects").then().body("items.project", contains(project));
    admin().get("/api/v1/projects").then().body("items.project", hasItem(project));
    given(own).body("{}").put(quota()).then().statusCode(403);
    as(TokenIssuer.token("viewer", "elsewhere"))
        .get(quota())
        .then()
        .statusCode(404)
        .body("type", equalTo("/problems/project-not-found"));
    admin().get("/api/v1/projects/No_Name/quota").then().statusCode(400);
    admin().get("/api/v1/projects/unheard-of/quota").then().statusCode(200);
    set("{\"devicesAtOnce\": -1}").statusCode(422);
    set("{\"device\": 1}").statusCode(422);
    admin()
        .queryParam("subject", project)
        .get("/api/v1/audit")
        .then()
        .body("items.action", contains("setQuota"))
        .body("items.project", contains(project))
        .body("items.subjectKind", contains("PROJECT"))
        .body("items.detail", contains("{\"devicesAtOnce\":4}"));
  }
}
