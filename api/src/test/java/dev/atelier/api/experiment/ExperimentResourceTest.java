package dev.atelier.api.experiment;

import static io.restassured.RestAssured.given;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.contains;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.endsWith;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasItems;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;

import dev.atelier.api.Launches;
import dev.atelier.api.LocalServers;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowStub;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@QuarkusTest
@WithTestResource(LocalServers.class)
class ExperimentResourceTest {

  private static final String EXPERIMENTS = "/api/v1/experiments";

  @Inject Jdbi jdbi;
  @Inject WorkflowClient temporal;
  @Inject ExperimentRepository experiments;

  @Test
  void shouldStoreAndStartAnExperimentWhenItIsLaunched() {
    String id =
        given()
            .contentType("application/yaml")
            .body(
                """
                name: first
                labels: {team: vision}
                students:
                  count: 2
                  oneToOneBaseline: true
                  assignment: {kind: explicit, boundaries: [0, 300, 1000]}
                  overrides: [{student: 2, training: {steps: 77}}]
                """
                    .getBytes(UTF_8))
            .post(EXPERIMENTS)
            .then()
            .statusCode(202)
            .header("Location", containsString("/api/v1/experiments/"))
            .extract()
            .path("id");

    assertThat(id).matches("\\d{8}-\\d{6}-[0-9a-z]{6}");
    given()
        .get(EXPERIMENTS + "/" + id)
        .then()
        .statusCode(200)
        .body("stage", equalTo("QUEUED"))
        .body("name", equalTo("first"))
        .body("labels.team", equalTo("vision"))
        .body("spec.students.count", equalTo(2))
        .body("spec.diffusion.schedule", equalTo("linear"))
        .body("models.key", equalTo(List.of("teacher", "student-1", "student-2", "one-to-one")))
        .body("models.range.low", equalTo(List.of(0, 0, 300, 0)))
        .body("models.range.high", equalTo(List.of(1000, 300, 1000, 1000)))
        .body("models.totalSteps", equalTo(List.of(100_000, 100_000, 77, 100_000)))
        .body("models[0].state", equalTo("PENDING"))
        .body("models[0].parameters", nullValue())
        .body("links.self", equalTo(EXPERIMENTS + "/" + id))
        .body(
            "links.temporal",
            equalTo("http://127.0.0.1:8233/namespaces/default/workflows/experiment-" + id));
    given()
        .get(EXPERIMENTS + "/" + id + "/events")
        .then()
        .statusCode(200)
        .body("items.kind", hasItem("launched"));
    assertThat(stub(id).describe().getStatus())
        .isEqualTo(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING);
  }

  @Test
  void shouldStoreModelsWhoseRangesAndOwnersAreSettledLater() {
    String id =
        given()
            .contentType("application/yaml")
            .body(
                """
                name: later
                students:
                  count: 2
                  startFrom: one-to-one
                  assignment: {kind: measured, bins: 20, signal: cka}
                  overrides: [{student: 2, model: teacher}]
                """
                    .getBytes(UTF_8))
            .post(EXPERIMENTS)
            .then()
            .statusCode(202)
            .extract()
            .path("id");

    given()
        .get(EXPERIMENTS + "/" + id)
        .then()
        .statusCode(200)
        .body("spec.students.assignment.signal", equalTo("cka"))
        .body("models.key", equalTo(List.of("teacher", "student-1", "student-2", "one-to-one")))
        .body("models.range.low", equalTo(List.of(0, 0, 0, 0)))
        .body("models.range.high", equalTo(List.of(1000, 1000, 1000, 1000)))
        .body("models.totalSteps", equalTo(List.of(100_000, 100_000, 0, 100_000)));
  }

  @Test
  void shouldAnswerWithEveryFaultOfASpec() {
    problem(
            given()
                .contentType("application/yaml")
                .body("nmae: x\nstudents: {count: 0, specificProbability: 2}\n".getBytes(UTF_8))
                .post(EXPERIMENTS)
                .then(),
            422,
            "/problems/invalid-spec")
        .body("faults.field", hasItems("nmae", "students.count", "students.specificProbability"))
        .body("faults", hasSize(3));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "application/json | {\"name\": | 400 | /problems/malformed-document",
        "application/yaml | name: [ | 400 | /problems/malformed-document",
        "application/json | '' | 400 | /problems/malformed-document",
        "text/plain | name | 415 | /problems/unsupported-media-type",
        "application/xml | <a/> | 415 | /problems/unsupported-media-type",
      })
  void shouldRefuseABodyThatIsNoDocument(String type, String body, int status, String problem) {
    problem(
        given().contentType(type).body(body.getBytes(UTF_8)).post(EXPERIMENTS).then(),
        status,
        problem);
  }

  @Test
  void shouldRefuseADocumentThatIsTooLarge() {
    problem(
        given()
            .contentType("application/json")
            .body("{\"name\": \"%s\"}".formatted("x".repeat(300_000)))
            .post(EXPERIMENTS)
            .then(),
        413,
        "/problems/document-too-large");
    problem(
        given()
            .contentType("application/json")
            .body("{\"name\": \"%s\"}".formatted("x".repeat(2_000_000)))
            .post(EXPERIMENTS)
            .then(),
        413,
        "/problems/document-too-large");
  }

  @Test
  void shouldGiveTheSameAnswerToARepeatedRequest() {
    String key = UUID.randomUUID().toString();
    String first = launch("{\"name\": \"same\", \"seed\": 3}", key);
    // The same spec in another notation.
    String second =
        given()
            .contentType("text/yaml")
            .header("Idempotency-Key", key)
            .body("seed: 3\nname: same\nlabels: {}\n")
            .post(EXPERIMENTS)
            .then()
            .statusCode(202)
            .header("Location", endsWith(first))
            .extract()
            .path("id");
    assertThat(second).isEqualTo(first);
    assertThat(launch("{\"name\": \"same\", \"seed\": 3}")).isNotEqualTo(first);
    problem(
            given()
                .contentType("application/json")
                .header("Idempotency-Key", key)
                .body("{\"name\": \"same\", \"seed\": 4}")
                .post(EXPERIMENTS)
                .then(),
            422,
            "/problems/idempotency-key-reused")
        .body("detail", containsString(first));
  }

  @Test
  void shouldRefuseALongIdempotencyKey() {
    problem(
        given()
            .contentType("application/json")
            .header("Idempotency-Key", "k".repeat(201))
            .body("{}")
            .post(EXPERIMENTS)
            .then(),
        400,
        "/problems/invalid-parameter");
  }

  @Test
  void shouldLaunchOneExperimentWhenAHundredRequestsShareAKey() throws Exception {
    String key = UUID.randomUUID().toString();
    String name = "hundred-" + key;
    ExecutorService callers = Executors.newFixedThreadPool(100);
    try {
      // One in ten has another body: it is refused, unless it came first of all.
      List<Callable<Integer>> calls = new ArrayList<>();
      Set<String> ids = ConcurrentHashMap.newKeySet();
      Set<Integer> accepted = ConcurrentHashMap.newKeySet();
      for (int i = 0; i < 100; i++) {
        int seed = i % 10 == 9 ? 4 : 3;
        calls.add(
            () -> {
              var answer =
                  given()
                      .header("Idempotency-Key", key)
                      .contentType("application/json")
                      .body("{\"name\": \"%s\", \"seed\": %d}".formatted(name, seed))
                      .post(EXPERIMENTS);
              if (answer.statusCode() == 202) {
                ids.add(answer.path("id"));
                accepted.add(seed);
              }
              return answer.statusCode();
            });
      }
      List<Integer> statuses = new ArrayList<>();
      for (Future<Integer> answer : callers.invokeAll(calls)) {
        statuses.add(answer.get());
      }
      assertThat(ids).hasSize(1);
      assertThat(accepted).hasSize(1);
      int same = accepted.contains(3) ? 90 : 10;
      assertThat(Collections.frequency(statuses, 202)).isEqualTo(same);
      assertThat(Collections.frequency(statuses, 422)).isEqualTo(100 - same);
    } finally {
      callers.shutdownNow();
    }
    given().get(EXPERIMENTS + "?name=" + name).then().body("items", hasSize(1));
  }

  @Test
  void shouldPageWithoutLossOrRepeat() {
    String label = UUID.randomUUID().toString();
    List<String> launched = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      launched.add(launch("{\"labels\": {\"page\": \"%s\"}}".formatted(label)));
    }
    // Rows of the same instant are told apart by their ids.
    jdbi.useHandle(
        handle ->
            handle.execute(
                "update experiment set created_at = '2026-01-01T00:00:00.123456Z'"
                    + " where labels ->> 'page' = ? and id in (?, ?, ?)",
                label,
                launched.get(1),
                launched.get(2),
                launched.get(3)));
    List<String> seen = new ArrayList<>();
    String cursor = "";
    int pages = 0;
    do {
      RequestSpecification page =
          given().queryParam("label", "page:" + label).queryParam("limit", 2);
      if (!cursor.isEmpty()) {
        page.queryParam("cursor", cursor);
      }
      var answer = page.get(EXPERIMENTS).then().statusCode(200).extract();
      seen.addAll(answer.path("items.id"));
      cursor = answer.path("nextCursor");
      pages++;
      launch("{\"name\": \"between the pages\"}");
    } while (cursor != null);
    assertThat(pages).isEqualTo(4);
    assertThat(seen).containsExactlyInAnyOrderElementsOf(launched);
    assertThat(seen.subList(0, 4))
        .containsExactly(launched.get(6), launched.get(5), launched.get(4), launched.get(0));
    assertThat(seen.subList(4, 7)).isSortedAccordingTo(Collections.reverseOrder());
  }

  @Test
  void shouldShowOnlyWhatEveryFilterAllows() {
    String name = "Filter-" + UUID.randomUUID();
    String id =
        launch(
            """
            {"name": "%s", "labels": {"a": "1", "b": "x:y"},
             "dataset": {"source": "shapes?count=500"}}
            """
                .formatted(name));
    String other = launch("{\"name\": \"%s\", \"labels\": {\"a\": \"2\"}}".formatted(name));
    RequestSpecification both = given().queryParam("name", name.toLowerCase(java.util.Locale.ROOT));
    both.get(EXPERIMENTS).then().body("items.id", equalTo(List.of(other, id)));
    for (String filter : List.of("label=a:1", "label=b:x:y", "dataset=shapes?count%3D500")) {
      given()
          .urlEncodingEnabled(false)
          .get(EXPERIMENTS + "?name=" + name + "&" + filter)
          .then()
          .statusCode(200)
          .body("items.id", equalTo(List.of(id)))
          .body("items[0].students", equalTo(4))
          .body("nextCursor", nullValue());
    }
    for (String filter : List.of("label=a:1&label=b:no", "stage=DONE", "dataset=shapes")) {
      given().get(EXPERIMENTS + "?name=" + name + "&stage=queued&" + filter).then().statusCode(200);
    }
    given().get(EXPERIMENTS + "?name=" + name + "&stage=done").then().body("items", hasSize(0));
    given()
        .get(EXPERIMENTS + "?label=a:1&label=b:no&name=" + name)
        .then()
        .body("items", hasSize(0));
    // A name is text, not a pattern.
    given().get(EXPERIMENTS + "?name=Filter%25").then().body("items", hasSize(0));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "limit=0",
        "limit=201",
        "limit=many",
        "cursor=nonsense",
        "cursor=bm9uc2Vuc2U",
        "cursor=%FF",
        "stage=LATER",
        "label=nocolon"
      })
  void shouldRefuseAWrongParameter(String query) {
    problem(
            given().urlEncodingEnabled(false).get(EXPERIMENTS + "?" + query).then(),
            400,
            "/problems/invalid-parameter")
        .body("faults[0].field", equalTo(query.substring(0, query.indexOf('='))));
  }

  @Test
  void shouldReportAllWrongParametersAtOnce() {
    problem(
            given().get(EXPERIMENTS + "?limit=0&cursor=x&stage=y&label=z").then(),
            400,
            "/problems/invalid-parameter")
        .body("faults.field", hasItems("limit", "cursor", "stage", "label"));
  }

  @ParameterizedTest
  @CsvSource({
    "GET,/api/v1/experiments/none,404,experiment-not-found",
    "GET,/api/v1/experiments/none/events,404,experiment-not-found",
    "GET,/api/v1/experiments/none/teacher/metrics,404,experiment-not-found",
    "GET,/api/v1/experiments/none/artifacts/a.pt,404,experiment-not-found",
    "GET,/api/v1/experiments/none/samples/o2mkd.png,404,experiment-not-found",
    "POST,/api/v1/experiments/none/cancel,404,experiment-not-found",
    "POST,/api/v1/experiments/none/models/teacher/retry,404,experiment-not-found",
    "POST,/api/v1/experiments/none/pause,404,experiment-not-found",
    "POST,/api/v1/experiments/none/resume,404,experiment-not-found",
    "POST,/api/v1/experiments/none/evaluation/rerun,404,experiment-not-found",
    "POST,/api/v1/experiments/none/models/teacher/cancel,404,experiment-not-found",
    "GET,/api/v1/experiments/a%00b,404,experiment-not-found",
    "POST,/api/v1/experiments/a%00b/cancel,404,experiment-not-found",
    "GET,/api/v1/nothing,404,not-found",
    "GET,/nothing,404,not-found",
    "DELETE,/api/v1/experiments,405,method-not-allowed",
    "PUT,/api/v1/experiments/none,405,method-not-allowed",
    "GET,/api/v1/experiments/none/cancel,405,method-not-allowed",
    "POST,/api/v1/schemas/experiment,405,method-not-allowed",
  })
  void shouldSayWhatIsNotThere(String method, String path, int status, String type) {
    problem(
        given().urlEncodingEnabled(false).request(method, path).then(),
        status,
        "/problems/" + type);
  }

  @Test
  void shouldKeepTheTraceIdOfTheCaller() {
    String traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    given()
        .header("traceparent", "00-" + traceId + "-00f067aa0ba902b7-01")
        .get(EXPERIMENTS + "/none")
        .then()
        .body("traceId", equalTo(traceId));
  }

  @Test
  void shouldServeTheCurvesOfAModel() {
    String id = launch("{\"students\": {\"count\": 2}}");
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into metric_point (model_id, series, step, value)
                select m.id, p.series, p.step, p.value
                from model m, (values
                  ('loss', 10, 0.5), ('loss', 20, 'NaN'), ('gradient-norm', 10, 2.25)
                ) as p (series, step, value)
                where m.experiment_id = ? and m.key = 'student-2'
                """,
                id));
    for (String path : List.of("models/student-2", "students/2")) {
      given()
          .get(EXPERIMENTS + "/" + id + "/" + path + "/metrics?series=loss,absent")
          .then()
          .statusCode(200)
          .body("series.name", equalTo(List.of("loss", "absent")))
          .body("series[0].points[0][0]", equalTo(10))
          .body("series[0].points[0][1]", equalTo(0.5f))
          .body("series[0].points[1][1]", nullValue())
          .body("series[1].points", hasSize(0));
    }
    given()
        .get(EXPERIMENTS + "/" + id + "/models/student-2/metrics")
        .then()
        .body("series.name", equalTo(List.of("gradient-norm", "loss")));
    given()
        .get(EXPERIMENTS + "/" + id + "/teacher/metrics")
        .then()
        .statusCode(200)
        .body("series", hasSize(0));
    for (String model : List.of("models/one-to-one", "models/pupil", "students/3", "students/x")) {
      problem(
          given().get(EXPERIMENTS + "/" + id + "/" + model + "/metrics").then(),
          404,
          "/problems/model-not-found");
    }
  }

  @Test
  void shouldShowWhatAnImportedTeacherWasMadeOf() {
    String id = launch("{\"students\": {\"count\": 1, \"training\": {\"steps\": 100}}}");
    given().get(EXPERIMENTS + "/" + id + "/models/teacher").then().body("origin", nullValue());
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                update model set origin = '{"source": "hf://a/b@0123", "revision": "0123",
                  "license": "mit", "files": [{"name": "unet/config.json", "bytes": 2,
                  "sha256": "44136fa3"}, {"name": "unet/model.safetensors", "bytes": 9,
                  "sha256": "deadbeef", "dtypes": ["F16"]}]}'
                where experiment_id = ? and key = 'teacher'
                """,
                id));
    given()
        .get(EXPERIMENTS + "/" + id + "/models/teacher")
        .then()
        .statusCode(200)
        .body("origin.source", equalTo("hf://a/b@0123"))
        .body("origin.revision", equalTo("0123"))
        .body("origin.license", equalTo("mit"))
        .body("origin.files.name", contains("unet/config.json", "unet/model.safetensors"))
        .body("origin.files[1].sha256", equalTo("deadbeef"))
        .body("origin.files[1].dtypes", contains("F16"));
  }

  @Test
  void shouldShowProgressFiguresAndFiles() {
    String id = launch("{\"students\": {\"count\": 1, \"training\": {\"steps\": 100}}}");
    jdbi.useTransaction(
        handle -> {
          handle.execute(
              """
              update model set state = 'RUNNING', step = 40, loss = 'NaN',
                images_per_second = 256, parameters = 5, macs = 7, attempts = 2,
                worker = 'w1', started_at = now(), overrides = '{"batchSize": 64}'
              where experiment_id = ? and key = 'student-1'
              """,
              id);
          handle.execute(
              """
              update model set state = 'FAILED', error_type = 'DIVERGED', error_message = 'The loss'
              where experiment_id = ? and key = 'teacher'
              """,
              id);
          handle.execute(
              """
              insert into evaluation values
                (?, 'o2mkd', 'Fréchet distance (random-conv)', 12.5, 1e6, 10, 3.5, 4096,
                 '{"samples": 256}', now(), '{"recall": 0.5}')
              """,
              id);
          handle.execute(
              """
              insert into evaluation values
                (?, 'teacher', 'Fréchet distance (random-conv)', 9.5, 1e6, 10, 3.5, 4096,
                 '{"samples": 512}', now() + interval '1 s')
              """,
              id);
          handle.execute("update evaluation set weights_bytes = 2048 where experiment_id = ?", id);
          handle.execute(
              """
              insert into candidate values
                (?, 'SCHEDULE', 'student-1', 1, 3.5, 1e6,
                 '[{"low": 0, "high": 1000, "model": "student-1"}]', true),
                (?, 'SCHEDULE', 'teacher', 0, 'Infinity', null, '[]', false),
                (?, 'MERGE', 'student-1', 0, 4.5, 1e6, '[]', false)
              """,
              id,
              id,
              id);
          handle.execute(
              """
              insert into artifact values
                (?, 'samples-o2mkd.png', 'grid', 'experiments/x.png', 'image/png', 3, 'abc')
              """,
              id);
          handle.execute(
              """
              update experiment set dataset =
                '{"sha256": "d", "images": 9, "resolution": 16, "channels": 3, "skipped": 1,
                  "passedOver": [{"reason": "encrypted", "files": 1, "examples": ["a.png"]}]}'
              where id = ?
              """,
              id);
        });
    given()
        .get(EXPERIMENTS + "/" + id)
        .then()
        .statusCode(200)
        .body("dataset.images", equalTo(9))
        .body("dataset.passedOver[0].reason", equalTo("encrypted"))
        .body("dataset.passedOver[0].examples", equalTo(List.of("a.png")))
        .body("warnings", hasItem("1 of 10 images are lost; encrypted: 1 (a.png)."))
        .body("models[0].error.type", equalTo("DIVERGED"))
        .body("models[1].loss", nullValue())
        // 60 steps of 64 images at 256 images/s.
        .body("models[1].etaSeconds", equalTo(15))
        .body("models[1].attempts", equalTo(2))
        .body("models[1].overrides.batchSize", equalTo(64))
        .body("models[1].worker", equalTo("w1"))
        .body("evaluations[0].distance", equalTo(12.5f))
        .body("evaluations[0].protocol.samples", equalTo(256))
        .body("evaluations[0].weightsBytes", equalTo(2048))
        .body("schedules", hasSize(2))
        .body("schedules[0].distance", nullValue())
        .body("schedules[0].frontier", equalTo(false))
        .body("schedules[0].estimator", equalTo("FRECHET"))
        .body("schedules[1].owners[0].model", equalTo("student-1"))
        .body("schedules[1].macsPerStep", equalTo(1e6f))
        .body("schedules[1].frontier", equalTo(true))
        .body("evaluations[0].metrics.recall", equalTo(0.5f))
        .body("evaluations[1].metrics.size()", equalTo(0))
        .body("warnings.size()", equalTo(2))
        .body("warnings[1]", endsWith("these differ in: samples (256, 512)."))
        .body(
            "artifacts[0].href", equalTo(EXPERIMENTS + "/" + id + "/artifacts/samples-o2mkd.png"));
    given()
        .get(EXPERIMENTS + "?limit=200")
        .then()
        .body("warnings[0]", containsString("samples (256, 512)"))
        .body("items.find { it.id == '%s' }.distances.o2mkd".formatted(id), equalTo(12.5f))
        .body("items.find { it.id == '%s' }.step".formatted(id), equalTo(40));
    // The client has the file already; the store, which has lost it, is not asked.
    given()
        .header("If-None-Match", "\"abc\"")
        .get(EXPERIMENTS + "/" + id + "/samples/o2mkd.png")
        .then()
        .statusCode(304);
    problem(
        given().get(EXPERIMENTS + "/" + id + "/samples/o2mkd.png").then(),
        404,
        "/problems/artifact-not-found");
    problem(
        given().get(EXPERIMENTS + "/" + id + "/samples/teacher.png").then(),
        404,
        "/problems/artifact-not-found");
  }

  @Test
  void shouldPassARetryToTheWorkflow() {
    String id = launch("{}");
    given()
        .contentType("application/json")
        .body("{\"learningRate\": 1e-5}")
        .post(EXPERIMENTS + "/" + id + "/students/1/retry")
        .then()
        .statusCode(202)
        .body("id", equalTo(id));
    given().post(EXPERIMENTS + "/" + id + "/models/student-1/retry").then().statusCode(202);
    assertThat(stub(id).query("progress", DistillationWorkflow.Progress.class).models())
        .containsExactly(
            new DistillationWorkflow.ModelProgress(ModelKey.student(1), ModelState.RUNNING, 0, 0),
            new DistillationWorkflow.ModelProgress(ModelKey.student(1), ModelState.PENDING, 0, 1));
  }

  @Test
  void shouldPassRequestsForAModelToTheWorkflow() {
    String id = launch("{}");
    String model = EXPERIMENTS + "/" + id + "/models/student-1/";
    ask(model + "extend", "{\"steps\": 200000}", "extend-" + id).statusCode(202);
    ask(model + "replace", "{\"training\": {\"steps\": 7}}", "replace-" + id)
        .statusCode(202)
        .header("Location", endsWith(EXPERIMENTS + "/" + id));
    given().post(model + "cancel").then().statusCode(202);

    assertThat(stub(id).query("progress", DistillationWorkflow.Progress.class).models())
        .containsExactly(
            new DistillationWorkflow.ModelProgress(
                ModelKey.student(1), ModelState.PENDING, 200_000, 0),
            new DistillationWorkflow.ModelProgress(ModelKey.student(1), ModelState.PENDING, 7, 1),
            new DistillationWorkflow.ModelProgress(ModelKey.student(1), ModelState.CANCELED, 0, 2));
  }

  @Test
  void shouldDoARepeatedRequestOnceAndRefuseItsKeyForAnother() {
    String id = launch("{}");
    String extend = EXPERIMENTS + "/" + id + "/models/student-1/extend";
    ask(extend, "{\"steps\": 5}", "same").statusCode(202).body("id", equalTo(id));
    ask(extend, "{\"steps\": 5}", "same").statusCode(202).body("id", equalTo(id));
    problem(ask(extend, "{\"steps\": 6}", "same"), 422, "/problems/idempotency-key-reused");
    problem(
        ask(EXPERIMENTS + "/" + id + "/pause", "", "same"),
        422,
        "/problems/idempotency-key-reused");

    var progress = stub(id).query("progress", DistillationWorkflow.Progress.class);
    assertThat(progress.models()).hasSize(1);
    assertThat(progress.paused()).isFalse();
    problem(ask(extend, "{\"steps\": 5}", "k".repeat(201)), 400, "/problems/invalid-parameter");
  }

  @Test
  void shouldPauseAndResumeOnceEach() {
    String id = launch("{}");
    String experiment = EXPERIMENTS + "/" + id;
    problem(given().post(experiment + "/resume").then(), 409, "/problems/request-refused")
        .body("detail", equalTo("Cannot resume the experiment: it is not paused."));
    given().post(experiment + "/pause").then().statusCode(202);
    problem(given().post(experiment + "/pause").then(), 409, "/problems/request-refused");
    given().post(experiment + "/resume").then().statusCode(202);
    assertThat(stub(id).query("progress", DistillationWorkflow.Progress.class).paused()).isFalse();
  }

  @Test
  void shouldShowThatAnExperimentIsPaused() {
    String id = launch("{}");
    given().get(EXPERIMENTS + "/" + id).then().body("paused", equalTo(false));
    jdbi.useHandle(
        handle -> handle.execute("update experiment set paused_at = now() where id = ?", id));
    given().get(EXPERIMENTS + "/" + id).then().body("paused", equalTo(true));
  }

  @Test
  void shouldPassOnTheReasonWhenTheWorkflowRefusesARequest() {
    String id = launch("{}");
    String experiment = EXPERIMENTS + "/" + id;
    problem(
            ask(experiment + "/models/teacher/extend", "{\"steps\": 9}", "a"),
            409,
            "/problems/request-refused")
        .body("detail", equalTo("Cannot extend teacher: it has not failed."));
    problem(
        given().post(experiment + "/models/teacher/cancel").then(),
        409,
        "/problems/request-refused");
    problem(
        given().post(experiment + "/evaluation/rerun").then(), 409, "/problems/request-refused");
    setStage(id, "DONE");
    stub(id).terminate("by a test");
    problem(given().post(experiment + "/evaluation/rerun").then(), 409, "/problems/request-refused")
        .body("detail", containsString("is DONE. Launch its spec again to go on"));
  }

  @Test
  void shouldCheckAReplacementByTheRulesOfTheSpec() {
    String id = launch("{\"students\": {\"startFrom\": \"teacher-magnitude\"}}");
    String replace = EXPERIMENTS + "/" + id + "/models/student-1/replace";
    problem(
            ask(replace, "{\"network\": {\"channels\": 256}}", "wide"),
            422,
            "/problems/invalid-spec")
        .body("faults[0].field", startsWith("network"));
    problem(
            ask(replace, "{\"specificProbability\": 2, \"netwrk\": {}}", "wrong"),
            422,
            "/problems/invalid-spec")
        .body("faults.field", hasItems("specificProbability", "netwrk"));
    problem(
            ask(EXPERIMENTS + "/" + id + "/models/student-1/extend", "{}", "none"),
            422,
            "/problems/invalid-spec")
        .body("faults[0].field", equalTo("steps"));
    assertThat(stub(id).query("progress", DistillationWorkflow.Progress.class).models()).isEmpty();
  }

  private static ValidatableResponse ask(String path, String body, String key) {
    return given()
        .contentType("application/json")
        .header("Idempotency-Key", key)
        .body(body)
        .post(path)
        .then();
  }

  @Test
  void shouldPassOnTheReasonWhenTheWorkflowRefusesARetry() {
    String id = launch("{}");
    problem(
            given().post(EXPERIMENTS + "/" + id + "/teacher/retry").then(),
            409,
            "/problems/retry-refused")
        .body("detail", equalTo("Cannot retry teacher: it has not failed."));
    problem(
            given()
                .contentType("application/json")
                .body("{\"learningRate\": 0, \"sped\": 1}")
                .post(EXPERIMENTS + "/" + id + "/models/student-1/retry")
                .then(),
            422,
            "/problems/invalid-spec")
        .body("faults", hasSize(2));
    problem(
        given().post(EXPERIMENTS + "/" + id + "/models/student-9/retry").then(),
        404,
        "/problems/model-not-found");
  }

  @Test
  void shouldCancelTheWorkflowAndRefuseWhatHasEnded() {
    String id = launch("{}");
    given().post(EXPERIMENTS + "/" + id + "/cancel").then().statusCode(202);
    await()
        .until(
            () ->
                stub(id).describe().getStatus()
                    == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED);
    problem(
        given().post(EXPERIMENTS + "/" + id + "/models/student-1/retry").then(),
        409,
        "/problems/retry-refused");
    setStage(id, "CANCELED");
    given().post(EXPERIMENTS + "/" + id + "/cancel").then().statusCode(202);
    setStage(id, "DONE");
    problem(
            given().post(EXPERIMENTS + "/" + id + "/cancel").then(),
            409,
            "/problems/experiment-ended")
        .body("detail", containsString("it is DONE"));
  }

  @Test
  void shouldCancelAnExperimentThatHasNoWorkflow() {
    String id = withoutWorkflow("cancel-without");
    given().post(EXPERIMENTS + "/" + id + "/cancel").then().statusCode(202);
    // Either the cancel came first, or the reconciler had started it.
    given().get(EXPERIMENTS + "/" + id + "/events").then().body("items.kind", hasItem("cancel"));
  }

  @Test
  void shouldStartTheWorkflowOfAnExperimentThatHasNone() {
    String id = withoutWorkflow("reconciled");
    await().ignoreExceptions().until(() -> stub(id).describe().getStatus() != null);
    assertThat(stub(id).describe().getStaticSummary()).isEqualTo("reconciled");
  }

  @Test
  void shouldSumUpWhatEveryAttemptTook() {
    String id = launch("{}");
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into attempt (model_id, fence, worker, cpu_seconds, gpu_seconds)
                select m.id, 100 + n, 'w', 10 * n, n from model m, generate_series(1, 2) n
                where m.experiment_id = ? and m.key in ('teacher', 'student-1')
                """,
                id));
    given()
        .get(EXPERIMENTS + "?q=" + id)
        .then()
        .body("items", hasSize(1))
        .body("items[0].cpuSeconds", equalTo(60f))
        .body("items[0].gpuSeconds", equalTo(6f));
    given().get(EXPERIMENTS + "?q=" + launch("{}")).then().body("items[0].cpuSeconds", equalTo(0f));
  }

  /** Else two may start it, and the workflow's trace may not be that of the request. */
  @Test
  void shouldLeaveAYoungExperimentToItsLaunch() {
    String id = withoutWorkflow("young");
    assertThat(experiments.unfinished(Duration.ofMinutes(1))).doesNotContain(id);
    assertThat(experiments.unfinished(Duration.ZERO)).contains(id);
  }

  @Test
  void shouldFailAnExperimentWhoseWorkflowWasTerminated() {
    String id = launch("{}");
    stub(id).terminate("by a test");
    await()
        .until(
            () ->
                given()
                    .get(EXPERIMENTS + "/" + id)
                    .then()
                    .extract()
                    .path("stage")
                    .equals("FAILED"));
    given()
        .get(EXPERIMENTS + "/" + id)
        .then()
        .body("error.message", containsString("terminated"))
        .body("models[0].state", equalTo("CANCELED"));
  }

  @Test
  void shouldPublishTheSchemaAndDescribeEveryOperation() {
    given()
        .get("/api/v1/schemas/experiment")
        .then()
        .statusCode(200)
        .contentType("application/schema+json")
        .body("title", equalTo("ExperimentSpec"));
    var paths =
        given().accept("application/json").get("/q/openapi").then().statusCode(200).extract();
    assertThat(paths.<java.util.Map<String, Object>>path("paths").keySet())
        .containsExactlyInAnyOrder(
            "/api/v1/audit",
            "/api/v1/codec/decode",
            "/api/v1/codec/encode",
            "/api/v1/experiments",
            "/api/v1/experiments/compare",
            "/api/v1/experiments/losses",
            "/api/v1/experiments/{id}",
            "/api/v1/experiments/{id}/artifacts",
            "/api/v1/experiments/{id}/artifacts/{name}",
            "/api/v1/experiments/{id}/artifacts/{name}/link",
            "/api/v1/experiments/{id}/cancel",
            "/api/v1/experiments/{id}/evaluation/rerun",
            "/api/v1/experiments/{id}/evaluations",
            "/api/v1/experiments/{id}/events",
            "/api/v1/experiments/{id}/models/{key}",
            "/api/v1/experiments/{id}/models/{key}/cancel",
            "/api/v1/experiments/{id}/models/{key}/extend",
            "/api/v1/experiments/{id}/models/{key}/metrics",
            "/api/v1/experiments/{id}/models/{key}/replace",
            "/api/v1/experiments/{id}/models/{key}/retry",
            "/api/v1/experiments/{id}/pause",
            "/api/v1/experiments/{id}/resume",
            "/api/v1/experiments/{id}/samples/{subject}.png",
            "/api/v1/experiments/{id}/stream",
            "/api/v1/experiments/{id}/students/{k}/metrics",
            "/api/v1/experiments/{id}/students/{k}/retry",
            "/api/v1/experiments/{id}/teacher/metrics",
            "/api/v1/experiments/{id}/teacher/retry",
            "/api/v1/me/tokens",
            "/api/v1/me/tokens/{id}",
            "/api/v1/people",
            "/api/v1/people/{id}/access",
            "/api/v1/maintenance/checks",
            "/api/v1/maintenance/checks/{id}",
            "/api/v1/schemas/experiment",
            "/api/v1/schemas/study",
            "/api/v1/session",
            "/api/v1/session/links",
            "/api/v1/studies",
            "/api/v1/studies/{id}",
            "/api/v1/studies/{id}/artifacts/{name}",
            "/api/v1/studies/{id}/cancel",
            "/api/v1/tokens",
            "/api/v1/tokens/{id}",
            "/api/v1/vocabulary",
            "/api/v1/workers",
            "/api/v1/projects",
            "/api/v1/projects/{project}/quota",
            "/api/v1/projects/{project}/usage",
            "/api/v1/whoami",
            "/api/v1/teachers",
            "/api/v1/teachers/{id}",
            "/api/v1/datasets",
            "/api/v1/webhooks",
            "/api/v1/webhooks/{id}",
            "/api/v1/webhooks/{id}/deliveries",
            "/api/v1/webhooks/{id}/test");
    given().get("/q/swagger-ui/").then().statusCode(200).body(containsString("swagger"));
  }

  @Test
  void shouldBeReadyWhenTheDatabaseIs() {
    given().get("/q/health").then().statusCode(200).body("status", equalTo("UP"));
    given()
        .get("/q/health/ready")
        .then()
        .statusCode(200)
        .body("checks.name", hasItem(startsWith("Database connections")));
    given().get("/q/health/live").then().statusCode(200);
  }

  private String withoutWorkflow(String name) {
    String id = "20260101-000000-" + UUID.randomUUID().toString().substring(0, 4);
    jdbi.useHandle(
        handle ->
            handle.execute(
                "insert into experiment (id, name, spec, stage) values (?, ?, ?::jsonb, 'QUEUED')",
                id,
                name,
                "{\"name\": \"%s\"}".formatted(name)));
    return id;
  }

  private void setStage(String id, String stage) {
    jdbi.useHandle(
        handle -> handle.execute("update experiment set stage = ? where id = ?", stage, id));
  }

  private WorkflowStub stub(String id) {
    return temporal.newUntypedWorkflowStub(DistillationWorkflow.workflowId(id));
  }

  private static String launch(String json) {
    return Launches.launch(given(), json);
  }

  private static String launch(String json, String idempotencyKey) {
    return Launches.launch(given().header("Idempotency-Key", idempotencyKey), json);
  }

  private static ValidatableResponse problem(ValidatableResponse answer, int status, String type) {
    return answer
        .statusCode(status)
        .contentType("application/problem+json")
        .body("type", equalTo(type))
        .body("status", equalTo(status))
        .body("title", matchesPattern(".+"))
        .body("detail", matchesPattern("(?s).+"))
        .body("traceId", matchesPattern("[0-9a-f]{32}"));
  }
}
