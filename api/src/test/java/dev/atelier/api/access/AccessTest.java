package dev.atelier.api.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.Response;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

@QuarkusTest
@TestProfile(SecuredProfile.class)
class AccessTest {

  private static final String EXPERIMENTS = "/api/v1/experiments";

  @Inject Jdbi jdbi;

  @Test
  void shouldAskForATokenAndSayWhichKind() {
    given()
        .get(EXPERIMENTS)
        .then()
        .statusCode(401)
        .header("WWW-Authenticate", "Bearer")
        .contentType("application/problem+json")
        .body("type", equalTo("/problems/unauthorized"))
        .body("traceId", matchesPattern("[0-9a-f]{32}"));
  }

  @Test
  void shouldLeadAPersonWhoSignsOutToTheProvider() {
    as(TokenIssuer.tokenOf("ada", "viewer", "a"))
        .delete("/api/v1/session")
        .then()
        .statusCode(200)
        .body("provider", containsString("/end?client_id=atelier&post_logout_redirect_uri="));
    as(SecuredProfile.BOOTSTRAP_TOKEN).delete("/api/v1/session").then().statusCode(204);
  }

  @Test
  void shouldShowMetricsToTheScraperAndNoOtherToken() {
    as(SecuredProfile.METRICS_TOKEN)
        .get("/q/metrics")
        .then()
        .statusCode(200)
        .body(containsString("# TYPE"));
    given().get("/q/metrics").then().statusCode(401).header("WWW-Authenticate", "Bearer");
    as(SecuredProfile.BOOTSTRAP_TOKEN)
        .get("/q/metrics")
        .then()
        .statusCode(401)
        .body("detail", containsString("atelier.http.metrics-token"));
    as(SecuredProfile.METRICS_TOKEN).get(EXPERIMENTS).then().statusCode(401);
  }

  @Test
  void shouldTakeTheRoleAndTheProjectsFromTheProvidersToken() {
    as(TokenIssuer.token("operator", "b", "a"))
        .get("/api/v1/whoami")
        .then()
        .statusCode(200)
        .body("role", equalTo("operator"))
        .body("name", equalTo("oidc operator"))
        .body("projects.sort()", equalTo(List.of("a", "b")));
    as(TokenIssuer.token("stranger", "a"))
        .get("/api/v1/whoami")
        .then()
        .statusCode(403)
        .body("detail", containsString("atelier-viewer"));
  }

  @Test
  void shouldGiveOutATokenOnceAndKeepItsHash() {
    Response made = newToken("{\"name\": \"ci\", \"role\": \"viewer\", \"projects\": [\"a\"]}");
    made.then()
        .statusCode(201)
        .header("Cache-Control", "no-store")
        .body("token", matchesPattern("atl_[A-Za-z0-9_-]{43}"))
        .body("created.role", equalTo("viewer"))
        .body("created.projects", equalTo(List.of("a")))
        .body("created.expiresAt", nullValue());
    String token = made.path("token");
    String id = made.path("created.id");
    as(token).get(EXPERIMENTS).then().statusCode(200);

    String rows =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery("select string_agg(cast(t as text), ' ') from api_token t")
                    .mapTo(String.class)
                    .one());
    assertThat(rows).contains(ApiTokens.sha256(token)).doesNotContain(token.substring(4));
    admin().get("/api/v1/tokens").then().statusCode(200).body(not(containsString(token)));

    admin().delete("/api/v1/tokens/" + id).then().statusCode(204);
    as(token).get(EXPERIMENTS).then().statusCode(401);
    admin()
        .get("/api/v1/tokens")
        .then()
        .body("items.find { it.id == '%s' }.revokedAt".formatted(id), not(nullValue()));
    admin()
        .delete("/api/v1/tokens/none")
        .then()
        .statusCode(404)
        .body("type", equalTo("/problems/token-not-found"));
  }

  @Test
  void shouldNameEveryFaultOfATokenThatIsWanted() {
    newToken("{\"name\": \"\", \"role\": \"king\", \"project\": []}")
        .then()
        .statusCode(422)
        .body("faults.field", hasItem("role"))
        .body("faults.field", hasItem("project"));
    newToken("{\"name\": \"x\", \"role\": \"operator\"}")
        .then()
        .statusCode(422)
        .body("faults.field", equalTo(List.of("projects")));
    newToken("{\"name\": \"x\", \"role\": \"admin\", \"projects\": [\"a\"]}")
        .then()
        .statusCode(422)
        .body("faults.field", equalTo(List.of("projects")));
    newToken("{\"name\": \"x\", \"role\": \"viewer\", \"projects\": [\"A b\"]}")
        .then()
        .statusCode(422);
    newToken("{").then().statusCode(400);
  }

  @Test
  void shouldKeepProjectsApart() {
    String a = TokenIssuer.token("operator", "apart-a");
    String b = TokenIssuer.token("operator", "apart-b");
    String both = TokenIssuer.token("operator", "apart-a", "apart-b");
    String ofA = launch(as(a), "same").statusCode(202).extract().path("id");
    String ofB =
        launch(as(both).queryParam("project", "apart-b"), "same")
            .statusCode(202)
            .extract()
            .path("id");
    assertThat(ofB).as("a key of another project").isNotEqualTo(ofA);
    assertThat(launch(as(a), "same").extract().<String>path("id")).isEqualTo(ofA);

    as(a).get(EXPERIMENTS).then().body("items.id", equalTo(List.of(ofA)));
    as(a).get(EXPERIMENTS + "?q=project=apart-b").then().body("items.id", equalTo(List.of()));
    as(both).get(EXPERIMENTS).then().body("items.id", equalTo(List.of(ofB, ofA)));
    String beginning = EXPERIMENTS + "?idPrefix=" + ofA.substring(0, 4);
    as(both).get(beginning).then().body("items.id", equalTo(List.of(ofB, ofA)));
    as(a).get(beginning).then().body("items.id", equalTo(List.of(ofA)));
    as(b).get(EXPERIMENTS + "?idPrefix=" + ofA).then().body("items.id", equalTo(List.of()));
    as(b).get(EXPERIMENTS + "/" + ofA).then().statusCode(404);
    as(b)
        .get(EXPERIMENTS + "/compare?ids=" + ofA + "," + ofB)
        .then()
        .statusCode(404)
        .body("detail", equalTo("There is no experiment '%s'.".formatted(ofA)));
    as(both).get(EXPERIMENTS + "/compare?ids=" + ofA + "," + ofB).then().statusCode(200);
    as(both)
        .get(EXPERIMENTS + "/" + ofB)
        .then()
        .statusCode(200)
        .body("project", equalTo("apart-b"));

    launch(as(both), "none-named")
        .statusCode(400)
        .body("detail", equalTo("project must name one of yours: apart-a, apart-b."));
    launch(as(a).header("Atelier-Project", "apart-b"), "not-mine").statusCode(403);
    launch(as(a).queryParam("project", "A/B"), "no-name").statusCode(400);
  }

  @Test
  void shouldNameNoExperimentOfAnotherProjectWhereAWorkerIsAtIt() {
    String ofA = launch(as(TokenIssuer.token("operator", "work-a")), "w").extract().path("id");
    String ofB = launch(as(TokenIssuer.token("operator", "work-b")), "w").extract().path("id");
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into worker (id, name, task_queues, device, threads, started_at, seen_at, doing)
                select 'busy@1', 'busy', '{atelier-cpu}', 'cpu', 1, now(), now(), jsonb_agg(
                  jsonb_build_object('activity', 'Train', 'experimentId', id, 'modelKey', 'teacher',
                    'since', '2026-11-30T10:00:00Z'))
                from unnest(array[?, ?]) id
                """,
                ofA,
                ofB));
    try {
      String doing = "items.find { it.id == 'busy@1' }.doing";
      as(TokenIssuer.token("viewer", "work-a"))
          .get("/api/v1/workers")
          .then()
          .body(doing + ".experiment", contains(ofA, null))
          .body(doing + ".model", contains("teacher", null));
      admin().get("/api/v1/workers").then().body(doing + ".experiment", contains(ofA, ofB));
    } finally {
      jdbi.useHandle(handle -> handle.execute("delete from worker"));
    }
  }

  @Test
  void shouldNotTellByACursorWhetherAnotherProjectsIdExists() {
    String a = TokenIssuer.token("operator", "cursor-a");
    String b = TokenIssuer.token("operator", "cursor-b");
    String older = launch(as(b), "older").statusCode(202).extract().path("id");
    String foreign = launch(as(a), "foreign").statusCode(202).extract().path("id");
    String newer = launch(as(b), "newer").statusCode(202).extract().path("id");
    jdbi.useHandle(
        handle ->
            handle.execute(
                "update model set state = 'DONE' where key = 'teacher' and experiment_id = any(?)",
                (Object) new String[] {older, foreign, newer}));
    String teachers = "/api/v1/teachers?cursor=";
    as(b).get(teachers + newer).then().body("items.id", equalTo(List.of(older)));
    String unknown = as(b).get(teachers + "20200101-000000-zzzz").then().extract().asString();
    assertThat(as(b).get(teachers + foreign).then().extract().asString()).isEqualTo(unknown);

    String study =
        as(a)
            .contentType("application/yaml")
            .body("{name: s, base: {name: s}}".getBytes(StandardCharsets.UTF_8))
            .post("/api/v1/studies")
            .then()
            .statusCode(202)
            .extract()
            .path("id");
    String studies = "/api/v1/studies?cursor=";
    for (String cursor : List.of(study, "20200101-000000-zzzz")) {
      as(b)
          .get(studies + cursor)
          .then()
          .statusCode(404)
          .body("detail", equalTo("There is no study '%s'.".formatted(cursor)));
    }
  }

  @Test
  void shouldLeaveCurvesAndStudiesOfOtherProjectsOut() {
    String a = TokenIssuer.token("operator", "left-a");
    String b = TokenIssuer.token("operator", "left-b");
    String id = launch(as(a), "curve").statusCode(202).extract().path("id");
    jdbi.useHandle(
        handle -> {
          handle.execute(
              "update model set started_at = now() where experiment_id = ? and key = 'teacher'",
              id);
          handle.execute(
              """
              insert into metric_point (model_id, series, step, value)
              select id, 'loss', 1, 0.5 from model where experiment_id = ? and key = 'teacher'
              """,
              id);
        });
    String losses = EXPERIMENTS + "/losses?ids=" + id;
    as(a).get(losses).then().statusCode(200).body("size()", equalTo(1));
    as(b).get(losses).then().statusCode(200).body("size()", equalTo(0));

    String study =
        as(a)
            .contentType("application/yaml")
            .body(
                """
                name: sweep
                question: Do more students help?
                base: {}
                axes: [{name: N, field: students.count, values: [1, 2]}]
                """
                    .getBytes(StandardCharsets.UTF_8))
            .post("/api/v1/studies")
            .then()
            .statusCode(202)
            .extract()
            .path("id");
    as(a).get("/api/v1/studies").then().body("items.id", equalTo(List.of(study)));
    as(b).get("/api/v1/studies").then().body("items.id", equalTo(List.of()));
    as(a).get("/api/v1/studies?idPrefix=" + study).then().body("items.id", equalTo(List.of(study)));
    as(b).get("/api/v1/studies?idPrefix=" + study).then().body("items.id", equalTo(List.of()));
    as(b).get("/api/v1/studies?cursor=" + study).then().statusCode(404);
    String member =
        as(a).get("/api/v1/studies/" + study).then().extract().path("members[0].experimentId");
    as(a).get(EXPERIMENTS + "/" + member).then().statusCode(200);
    as(b).get(EXPERIMENTS + "/" + member).then().statusCode(404);
  }

  @Test
  void shouldWriteDownWhoChangedWhatAndForgetNothing() {
    String token = TokenIssuer.token("operator", "audited");
    String id = launch(as(token), "audit").statusCode(202).extract().path("id");
    as(token).post(EXPERIMENTS + "/" + id + "/models/teacher/retry").then().statusCode(409);
    as(token).post(EXPERIMENTS + "/" + id + "/cancel").then().statusCode(202);
    admin()
        .get("/api/v1/audit?subject=" + id)
        .then()
        .statusCode(200)
        .body(
            "items.action",
            equalTo(List.of("cancelExperiment", "retryModel", "retryModel", "launchExperiment")))
        .body("items.outcome", equalTo(List.of("DONE", "REFUSED", "ASKED", "DONE")))
        .body("items[0].actor", equalTo("oidc operator"))
        .body("items[0].role", equalTo("operator"))
        .body("items[0].project", equalTo("audited"))
        .body("items[0].requestId", matchesPattern("[0-9a-f]{32}"));
    String next =
        admin()
            .get("/api/v1/audit?limit=3&subject=" + id)
            .then()
            .body("items", org.hamcrest.Matchers.hasSize(3))
            .extract()
            .path("nextCursor");
    admin()
        .get("/api/v1/audit?limit=3&subject=" + id + "&cursor=" + next)
        .then()
        .body("items.action", equalTo(List.of("launchExperiment")))
        .body("nextCursor", nullValue());

    for (String change :
        List.of("update audit set actor = 'x'", "delete from audit", "truncate audit")) {
      assertThatThrownBy(() -> jdbi.useHandle(handle -> handle.execute(change)))
          .hasMessageContaining("append-only");
    }
  }

  @Test
  void shouldWriteNothingDownWhenTheChangeFails() {
    String token = TokenIssuer.token("operator", "failing");
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                create function refuse_failing() returns trigger language plpgsql as $$
                begin raise exception 'refused'; end $$;
                create constraint trigger refuse_failing after insert on experiment
                  deferrable initially deferred for each row
                  when (new.project = 'failing') execute function refuse_failing();
                """));
    try {
      launch(as(token), "k").statusCode(500);
    } finally {
      jdbi.useHandle(handle -> handle.execute("drop function refuse_failing cascade"));
    }
    assertThat(entriesOf("failing")).isZero();
    launch(as(token), "k").statusCode(202); // negative control
    assertThat(entriesOf("failing")).isEqualTo(1);
  }

  private long entriesOf(String project) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery("select count(*) from audit where project = :project")
                .bind("project", project)
                .mapTo(Long.class)
                .one());
  }

  @Test
  void shouldRefuseWhoAsksTooOften() {
    String token =
        newToken("{\"name\": \"busy\", \"role\": \"viewer\", \"projects\": [\"a\"]}").path("token");
    Response last = as(token).get("/api/v1/whoami");
    for (int i = 0; i < 2 * SecuredProfile.BURST && last.statusCode() == 200; i++) {
      last = as(token).get("/api/v1/whoami");
    }
    last.then()
        .statusCode(429)
        .header("Retry-After", matchesPattern("[1-9][0-9]*"))
        .contentType("application/problem+json")
        .body("type", equalTo("/problems/too-many-requests"));
    // Negative control: another caller on the same address.
    as(TokenIssuer.token("viewer", "a")).get("/api/v1/whoami").then().statusCode(200);
  }

  @Test
  void shouldRefuseWhatIsTooLarge() {
    String token = TokenIssuer.token("operator", "large");
    for (int bytes : new int[] {30_000, 500_000}) {
      as(token)
          .contentType("application/json")
          .body("{\"name\": \"%s\"}".formatted("x".repeat(bytes)))
          .post(EXPERIMENTS)
          .then()
          .statusCode(413)
          .contentType("application/problem+json")
          .body("type", equalTo("/problems/document-too-large"));
    }
  }

  @Test
  void shouldRefuseSourcesThatMayNotBeFetched() {
    String token = TokenIssuer.token("operator", "sources");
    as(token)
        .contentType("application/json")
        .body(
            """
            {"name": "x", "dataset": {"source": "http://169.254.169.254/latest"},
             "teacher": {"source": "/etc/passwd"},
             "evaluation": {"extractor": {"source": "s3://atelier/experiments/x/model.pt"},
               "reference": "https://data.example.org/reference.npz"}}
            """)
        .post(EXPERIMENTS)
        .then()
        .statusCode(422)
        .body(
            "faults.field",
            equalTo(List.of("dataset.source", "teacher.source", "evaluation.extractor.source")));
    as(token)
        .contentType("application/json")
        .body("{\"name\": \"x\", \"dataset\": {\"source\": \"/data/images\"}}")
        .post(EXPERIMENTS)
        .then()
        .statusCode(202);
  }

  private static RequestSpecification as(String token) {
    return given().header("Authorization", "Bearer " + token);
  }

  private static RequestSpecification admin() {
    return as(SecuredProfile.BOOTSTRAP_TOKEN);
  }

  private static Response newToken(String body) {
    return admin().contentType("application/json").body(body).post("/api/v1/tokens");
  }

  private static ValidatableResponse launch(RequestSpecification request, String key) {
    return request
        .contentType("application/json")
        .header("Idempotency-Key", key)
        .body(Map.of("name", "access"))
        .post(EXPERIMENTS)
        .then();
  }
}
