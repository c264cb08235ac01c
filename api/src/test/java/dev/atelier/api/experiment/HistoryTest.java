package dev.atelier.api.experiment;

import static io.restassured.RestAssured.given;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.greaterThan;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.lessThan;
import static org.hamcrest.Matchers.nullValue;
import static org.hamcrest.Matchers.startsWith;

import dev.atelier.api.LocalServers;
import dev.atelier.api.maintenance.SpecValueUpkeep;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import jakarta.inject.Inject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.URLConnection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.config.ConfigProvider;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the history is asked, against a real Postgres. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class HistoryTest {

  private static final String EXPERIMENTS = "/api/v1/experiments";

  @Inject Jdbi jdbi;
  @Inject SpecValueUpkeep upkeep;

  private final String group = UUID.randomUUID().toString();

  private String launch(String name, int students, double p) {
    return given()
        .contentType("application/yaml")
        .body(
            "{name: %s, labels: {group: %s}, students: {count: %d, specificProbability: %s}}"
                .formatted(name, group, students, p)
                .getBytes(UTF_8))
        .post(EXPERIMENTS)
        .then()
        .statusCode(202)
        .extract()
        .path("id");
  }

  private void evaluated(String id, String subject, double distance) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into evaluation (experiment_id, subject, metric, distance, macs_per_step,
                  parameters, images_per_second, peak_memory_bytes, protocol)
                values (?, ?, 'FD', ?, 100, 10, 1, 0, '{}')
                """,
                id,
                subject,
                distance));
  }

  private ValidatableResponse ask(String query, String sort) {
    return given()
        .queryParam("q", "label.group=%s %s".formatted(group, query))
        .queryParam("sort", sort)
        .get(EXPERIMENTS)
        .then()
        .statusCode(200);
  }

  private List<String> names(String query, String sort) {
    return ask(query, sort).extract().path("items.name");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          students=4                        | four, other
          students=4 p>=0.5                 | four
          distance<20                       | four, two
          distance<20 distance.teacher>4    | two
          spec.students.count>=4            | four, other
          spec.diffusion.schedule=linear    | four, other, two
          spec.students.count=linear        |
          spec.students.count!=4            | two
          spec.students.count!=2            | four, other
          spec.diffusion.schedule!=linear   |
          spec.diffusion.schedule~INE       | four, other, two
          spec.students.network.multipliers.0=1 | four, other, two
          spec.students.network.multipliers~[1, | four, other, two
          spec.name=four                    | four
          spec.seed>=0                      | four, other, two
          spec.labels.run=7                 |
          label.group!=x                    | four, other, two
          spec.no.such.field!=x             | four, other, two
          spec.students.loss.distillation=1 | four, other, two
          spec.students.loss.prediction=1   | four, other, two
          name~OU                           | four
          stage!=DONE tw                    | two
          created>2020-01-01                | four, other, two
          created<2020-01-01                |
          """)
  void shouldFindWhatIsAskedForWhetherOrNotTheValuesOfSpecsAreGathered(
      String query, String expected) {
    String two = launch("two", 2, 0.5);
    String four = launch("four", 4, 0.75);
    launch("other", 4, 0.25);
    evaluated(two, "o2mkd", 19);
    evaluated(two, "teacher", 5);
    evaluated(four, "o2mkd", 7);
    evaluated(four, "teacher", 3);
    jdbi.useHandle( // as an earlier version has stored it
        handle ->
            handle.execute(
                "update experiment set spec = spec #- '{students,loss,distillation}' where id = ?",
                two));

    List<String> found = expected == null ? List.of() : List.of(expected.split(", "));
    assertThat(names(query, "name")).isEqualTo(found);

    jdbi.useHandle(
        handle ->
            handle.execute(
                "update experiment set spec_values = null where labels ->> 'group' = ?", group));
    assertThat(names(query, "name")).as("as before they were gathered").isEqualTo(found);
    upkeep.gather(Duration.ofMinutes(1));
    assertThat(names(query, "name")).isEqualTo(found);
    int left =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery("select count(*) from experiment where spec_values is null")
                    .mapTo(Integer.class)
                    .one());
    assertThat(left).isZero();
  }

  @ParameterizedTest
  @CsvSource({"distance", "-distance", "students", "-created", "created", "-name", "finished"})
  void shouldShowEveryExperimentOnceWhenPagesAreFollowedInAnyOrder(String sort) {
    List<String> launched = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      String id = launch("e" + i / 2, 1 + i % 3, 0.5);
      launched.add(id);
      if (i % 2 == 0) {
        evaluated(id, "o2mkd", i % 4); // some alike, some without
      }
    }

    List<String> seen = new ArrayList<>();
    String cursor = null;
    do {
      var request =
          given()
              .queryParam("q", "label.group=" + group)
              .queryParam("sort", sort)
              .queryParam("limit", 2);
      ValidatableResponse page =
          (cursor == null ? request : request.queryParam("cursor", cursor))
              .get(EXPERIMENTS)
              .then()
              .statusCode(200);
      seen.addAll(page.extract().<List<String>>path("items.id"));
      cursor = page.extract().path("nextCursor");
    } while (cursor != null);

    assertThat(seen).containsExactlyInAnyOrderElementsOf(launched);
    assertThat(seen)
        .isEqualTo(ask("", sort).extract().<List<String>>path("items.id")); // the same at once
  }

  @Test
  void shouldFindAnExperimentByTheBeginningOfItsIdHoweverOldItIs() {
    String old = launch("old", 1, 0.5);
    String newer = launch("newer", 1, 0.5);
    jdbi.useHandle(
        handle ->
            handle.execute("update experiment set created_at = '1999-01-01' where id = ?", old));
    assertThat(beginning(old.substring(0, old.length() - 1))).containsExactly(old);
    assertThat(beginning(old)).containsExactly(old);
    assertThat(beginning(old.substring(0, 4))).contains(newer); // the newest page of this century
    assertThat(beginning("%")).isEmpty();
    assertThat(beginning(old + "x")).isEmpty();
    assertThat(beginning(old.replace('-', '_'))).isEmpty();
    given()
        .queryParam("idPrefix", "2\0")
        .get(EXPERIMENTS)
        .then()
        .statusCode(400)
        .body("detail", equalTo("idPrefix must not contain the character NUL."));
  }

  private static List<String> beginning(String text) {
    return given()
        .queryParam("idPrefix", text)
        .get(EXPERIMENTS)
        .then()
        .statusCode(200)
        .extract()
        .path("items.id");
  }

  @ParameterizedTest
  @CsvSource({"experiment, experiment_by_beginning", "study, study_by_beginning"})
  void shouldHaveAnIndexForTheBeginningsOfIdsWhateverTheDatabasesOrderOfTexts(
      String table, String index) {
    List<String> plan =
        jdbi.inTransaction(
            handle -> {
              handle.execute("set local enable_seqscan = off");
              return handle
                  .createQuery(
                      """
                      explain select id from %s
                      where id collate "C" >= '2026' and id collate "C" < '2027'
                      """
                          .formatted(table))
                  .mapTo(String.class)
                  .list();
            });
    assertThat(String.join("\n", plan)).contains(index, "Index Cond: ((id >= '2026'");
  }

  @Test
  void shouldTellInAListThatAnExperimentIsPaused() {
    String id = launch("held", 1, 0.5);
    ask("", "name").body("items[0].paused", equalTo(false));
    jdbi.useHandle(
        handle -> handle.execute("update experiment set paused_at = now() where id = ?", id));
    ask("", "name").body("items[0].paused", equalTo(true));
  }

  @Test
  void shouldPutTheBestFirstAndThoseWithoutFiguresLast() {
    evaluated(launch("good", 2, 0.5), "o2mkd", 3);
    launch("none", 2, 0.5);
    evaluated(launch("bad", 2, 0.5), "o2mkd", 30);

    assertThat(names("", "distance")).containsExactly("good", "bad", "none");
    assertThat(names("", "-distance")).containsExactly("bad", "good", "none");
  }

  @Test
  void shouldRefuseAQueryThatItCannotRead() {
    given()
        .queryParam("q", "studens=4")
        .queryParam("sort", "best")
        .get(EXPERIMENTS)
        .then()
        .statusCode(400)
        .body("type", equalTo("/problems/invalid-parameter"))
        .body("faults.field", equalTo(List.of("q", "sort")))
        .body("faults[0].message", containsString("did you mean 'students'"));
  }

  @Test
  void shouldShowWhereSpecsDifferAndTheirFigures() {
    String two = launch("two", 2, 0.5);
    String four = launch("four", 4, 0.5);
    evaluated(four, "o2mkd", 7);

    given()
        .queryParam("ids", two + "," + four)
        .get(EXPERIMENTS + "/compare")
        .then()
        .statusCode(200)
        .body("experiments.name", equalTo(List.of("two", "four")))
        .body("differences", hasSize(1))
        .body("differences[0].name", equalTo("students.count"))
        .body("differences[0].values", equalTo(List.of(2, 4)))
        .body("figures.name", hasItem("o2mkd.distance"))
        .body("figures.find { it.name == 'o2mkd.distance' }.values[1]", equalTo(7f));
    given().queryParam("ids", two).get(EXPERIMENTS + "/compare").then().statusCode(400);
    given().queryParam("ids", two + ",nobody").get(EXPERIMENTS + "/compare").then().statusCode(404);
  }

  @Test
  void shouldShowTheVisitsOfEachRangeAndWarnOfStudentsThatNoStepAsks() {
    String unasked = "No step of evaluation.sampler asks student-8: none is in [875, 1000).";
    String uniform = "{name: %s, students: {count: 8}}".formatted(group);
    given()
        .contentType("application/yaml")
        .queryParam("dryRun", "true")
        .body(uniform.getBytes(UTF_8))
        .post(EXPERIMENTS)
        .then()
        .statusCode(200)
        .body("models.visits", equalTo(List.of(96, 36, 16, 12, 11, 9, 8, 4, 0)))
        .body("models[1].memory.total", greaterThan(1_000_000_000L))
        .body("models[1].memory.parts.weights", greaterThan(1_000_000))
        .body("models[1].memory.bySamples.samples", equalTo(List.of(1, 2, 4, 8, 16, 32, 64, 128)))
        .body("models[1].memory.bySamples[0].kept", lessThan(1_000_000_000))
        .body("models[1].memory.bySamples[0].checkpointed", lessThan(1_000_000_000))
        .body("warnings[0]", startsWith(unasked));
    given()
        .contentType("application/yaml")
        .queryParam("dryRun", "true")
        .body("{students: {count: 8, assignment: {kind: visits}}}".getBytes(UTF_8))
        .post(EXPERIMENTS)
        .then()
        .statusCode(200)
        .body("models.visits", equalTo(List.of(96, 12, 12, 12, 12, 12, 12, 12, 12)))
        .body("warnings", hasSize(0));
    given()
        .contentType("application/yaml")
        .queryParam("dryRun", "true")
        .body("{students: {assignment: {kind: snr}}}".getBytes(UTF_8))
        .post(EXPERIMENTS)
        .then()
        .statusCode(200)
        .body("models[1].visits", nullValue())
        .body("warnings", hasSize(0));

    String id =
        given()
            .contentType("application/yaml")
            .body(uniform.getBytes(UTF_8))
            .post(EXPERIMENTS)
            .then()
            .statusCode(202)
            .body("warnings[0]", startsWith(unasked))
            .extract()
            .path("id");
    given()
        .get(EXPERIMENTS + "/" + id)
        .then()
        .body("models[1].visits", equalTo(36))
        .body("models[8].visits", equalTo(0))
        .body("warnings[0]", startsWith(unasked));
    given()
        .get(EXPERIMENTS + "/" + id + "/events")
        .then()
        .body("items.find { it.kind == 'warning' }.detail", startsWith(unasked));
  }

  @Test
  void shouldSayAtLaunchWhichNetworksDiffusersHasNoClassFor() {
    String spec =
        """
        teacher: {network: {channels: 16, multipliers: [1, 2], attentionResolutions: [], groupsByWidth: true}}
        students: {network: {channels: 12, multipliers: [1, 2], attentionResolutions: []}}
        """;
    String warning =
        "teacher.network.groupsByWidth: its group norms have 4, 8, 12 and 16 groups, and in diffusers all have as many, so that exports have no folder of diffusers for it. Expected groups: 4 in its place.";
    given()
        .contentType("application/yaml")
        .queryParam("dryRun", "true")
        .body(spec.getBytes(UTF_8))
        .post(EXPERIMENTS)
        .then()
        .statusCode(200)
        .body("warnings", equalTo(List.of(warning)))
        .body("spec.teacher.network.groups", nullValue())
        .body("spec.students.network.groups", equalTo(3));
    String id =
        given()
            .contentType("application/yaml")
            .body(spec.getBytes(UTF_8))
            .post(EXPERIMENTS)
            .then()
            .statusCode(202)
            .body("warnings[0]", equalTo(warning))
            .extract()
            .path("id");
    given()
        .get(EXPERIMENTS + "/" + id + "/events")
        .then()
        .body("items.findAll { it.kind == 'warning' }.detail", equalTo(List.of(warning)));
    given()
        .get(EXPERIMENTS + "/" + id)
        .then()
        .body("spec.teacher.network.groupsByWidth", equalTo(true))
        .body("spec.students.network.groups", equalTo(3));
  }

  @Test
  void shouldSayWhatAnExperimentWouldTakeWithoutLaunchingIt() {
    String spec =
        "{name: %s, teacher: {training: {steps: 100, batchSize: 10}}, students: {count: 2, oneToOneBaseline: true}}"
            .formatted(group);
    ValidatableResponse first =
        given()
            .contentType("application/yaml")
            .queryParam("dryRun", "true")
            .body(spec.getBytes(UTF_8))
            .post(EXPERIMENTS)
            .then()
            .statusCode(200)
            .body("models.key", equalTo(List.of("teacher", "student-1", "student-2", "one-to-one")))
            .body("models[0].steps", equalTo(100))
            .body("models[1].range.high", equalTo(500))
            .body("spec.students.count", equalTo(2));
    long macs = first.extract().<Number>path("models[0].macs").longValue();
    assertThat(macs).isPositive();
    given().queryParam("q", "name=" + group).get(EXPERIMENTS).then().body("items", hasSize(0));

    String trained = launch("trained", 1, 0.5);
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                update model set state = 'DONE', macs = 1000, images_per_second = 7, finished_at = now()
                where experiment_id = ? and key = 'teacher'
                """,
                trained));
    double rate =
        given()
            .contentType("application/yaml")
            .queryParam("dryRun", "true")
            .body(spec.getBytes(UTF_8))
            .post(EXPERIMENTS)
            .then()
            .statusCode(200)
            .extract()
            .<Number>path("models[0].stepsPerSecond")
            .doubleValue();
    assertThat(rate).isCloseTo(3 * 1000 * 7 / (10 * 3.0 * macs), withinPercentage(0.01));
    given()
        .contentType("application/yaml")
        .queryParam("dryRun", "perhaps")
        .body(spec.getBytes(UTF_8))
        .post(EXPERIMENTS)
        .then()
        .statusCode(400);
  }

  @Test
  void shouldThinOutCurvesAndGiveStretchesOfThem() {
    String id = launch("curve", 1, 0.5);
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into metric_point (model_id, series, step, value)
                select m.id, s.name, g.i, case when g.i = 777 then 50 else 1 end
                from model m, generate_series(1, 5000) g (i), (values ('loss'), ('rate')) s (name)
                where m.experiment_id = ? and m.key = 'teacher'
                """,
                id));
    String metrics = EXPERIMENTS + "/" + id + "/models/teacher/metrics";

    given()
        .queryParam("series", "loss")
        .queryParam("points", 100)
        .get(metrics)
        .then()
        .statusCode(200)
        .body("series", hasSize(1))
        .body("series[0].total", equalTo(5000))
        .body("series[0].points.find { it[0] == 777 }[1]", equalTo(50f));
    List<List<Number>> part =
        given()
            .queryParam("from", 100)
            .queryParam("to", 109)
            .get(metrics)
            .then()
            .statusCode(200)
            .body("series.name", equalTo(List.of("loss", "rate")))
            .extract()
            .path("series[1].points");
    assertThat(part).hasSize(10);
    given().queryParam("points", 3).get(metrics).then().statusCode(400);

    jdbi.useHandle(
        handle ->
            handle.execute(
                "update model set started_at = now() + position * interval '1 s' where experiment_id = ?",
                id)); // the students have begun, but have no loss yet
    given()
        .queryParam("ids", id + ",nobody")
        .get(EXPERIMENTS + "/losses")
        .then()
        .statusCode(200)
        .body("size()", equalTo(1))
        .body("'" + id + "'", hasSize(40));
  }

  @Test
  void shouldStreamWhatHappensFromTheLastEventOnUntilTheEnd() throws Exception {
    String id = launch("live", 1, 0.5);
    List<Integer> earlier = given().get(EXPERIMENTS + "/" + id + "/events").path("items.id");
    jdbi.useHandle(
        handle -> {
          handle.execute(
              "insert into event (experiment_id, kind, detail, at) values (?, 'retry', 'a', now() - interval '5 s')",
              id);
          handle.execute("update model set step = 5 where experiment_id = ?", id);
        });
    URLConnection connection =
        URI.create(
                "http://127.0.0.1:%s%s/%s/stream"
                    .formatted(
                        ConfigProvider.getConfig().getValue("quarkus.http.test-port", String.class),
                        EXPERIMENTS,
                        id))
            .toURL()
            .openConnection();
    connection.setRequestProperty(
        "Last-Event-ID", Integer.toString(earlier.get(earlier.size() - 1)));
    connection.setReadTimeout(20_000);
    List<String> names = new ArrayList<>();
    List<String> data = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(connection.getInputStream(), UTF_8))) {
      String line;
      while ((line = lines.readLine()) != null) {
        if (line.startsWith("event:")) {
          names.add(line.substring("event:".length()).strip());
        } else if (line.startsWith("data:")) {
          data.add(line);
          if (data.size() == 2) { // all there is: now it ends
            jdbi.useHandle(
                handle -> handle.execute("update experiment set stage = 'DONE' where id = ?", id));
          }
        }
      }
    }

    assertThat(names).startsWith("event", "progress").endsWith("end");
    assertThat(data.get(0)).contains("\"kind\":\"retry\"").doesNotContain("launched");
    assertThat(data.get(1)).contains("\"step\":5");
    given().get(EXPERIMENTS + "/nobody/stream").then().statusCode(404);
  }
}
