package dev.atelier.api.maintenance;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.LocalServers;
import dev.atelier.api.store.Turns;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Curves in both forms as users see them, and what is done to them in the background. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class CurveUpkeepTest {

  private static final String EXPERIMENTS = "/api/v1/experiments/";
  private static final Duration LONG = Duration.ofDays(90);

  @Inject Jdbi jdbi;
  @Inject CurveUpkeep upkeep;
  @Inject Turns turns;

  @BeforeEach
  void haveNoCurves() {
    jdbi.useHandle(
        handle -> {
          handle.execute("delete from study");
          handle.execute("delete from experiment");
          handle.execute("truncate metric_report, metric_point, curves, curves_left, turn");
        });
  }

  @Test
  void shouldAnswerTheSameWhereverPointsLie() {
    String former = experiment("1 hour");
    formerPoints(former, 1, 400);
    String moved = experiment("1 hour");
    reports(moved, 1, 400);
    String both = experiment("1 hour");
    reports(both, 1, 300);
    jdbi.useHandle( // an attempt of the version before has repeated some steps since
        handle ->
            handle.execute(
                "update metric_report set values[1] = -1 where step between 200 and 300"
                    + " and curves = (select curves from model where experiment_id = ?)",
                both));
    formerPoints(both, 200, 400);

    for (String question : List.of("points=50", "points=1000", "series=rate,none&from=7&to=250")) {
      String expected = metrics(former, question);
      assertThat(expected).contains("rate");
      assertThat(metrics(moved, question)).isEqualTo(expected);
      assertThat(metrics(both, question)).isEqualTo(expected);
    }
    assertThat(losses(former)).contains("0.5").isEqualTo(losses(moved)).isEqualTo(losses(both));
  }

  @Test
  void shouldShowTheCurvesOfWhatWasTakenOverInEitherForm() {
    String moved = experiment("1 hour");
    reports(moved, 1, 400);
    String former = experiment("1 hour");
    formerPoints(former, 1, 400);
    String expected = metrics(moved, "points=50");

    for (String source : List.of(moved, former)) {
      String heir = experiment("1 hour");
      takeOver(source, heir);
      assertThat(metrics(heir, "points=50")).isEqualTo(expected);
      assertThat(losses(heir)).isEqualTo(losses(source));
      given().delete(EXPERIMENTS + source).then().statusCode(204);
      assertThat(metrics(heir, "points=50")).isEqualTo(expected);
      upkeep.deleteLeft();
      assertThat(metrics(heir, "points=50")).isEqualTo(expected);
    }
    assertThat(number("select count(*) from metric_report")).isEqualTo(400);
  }

  @Test
  void shouldMoveEveryPointWithoutAChangeToWhatIsSeen() {
    String first = experiment("1 hour");
    formerPoints(first, 1, 2500);
    String second = experiment("1 hour");
    formerPoints(second, 1, 10);
    String expected = metrics(first, "points=5000");
    String gone = experiment("1 hour");
    formerPoints(gone, 1, 10);
    given().delete(EXPERIMENTS + gone).then().statusCode(204);

    assertThat(upkeep.moveFormerPoints(Duration.ZERO)).isZero();
    assertThat(number("select count(*) from metric_point")).isEqualTo(2 * 2520);
    upkeep.moveFormerPoints(Duration.ofMinutes(1));

    assertThat(number("select count(*) from metric_point")).isZero();
    assertThat(number("select count(*) from metric_report")).isEqualTo(2510);
    assertThat(metrics(first, "points=5000")).isEqualTo(expected);
  }

  @Test
  void shouldDeleteTheReportsOfADeletedExperimentAfterTheRequest() {
    String id = experiment("1 hour");
    reports(id, 1, 25_000);
    String other = experiment("1 hour");
    reports(other, 1, 10);

    given().delete(EXPERIMENTS + id).then().statusCode(204);
    assertThat(number("select count(*) from metric_report")).isEqualTo(25_010);
    upkeep.deleteLeft();

    assertThat(number("select count(*) from metric_report")).isEqualTo(10);
    assertThat(number("select count(*) from curves")).isOne();
    assertThat(number("select count(*) from curves_left")).isZero();
  }

  @Test
  void shouldKeepTheExtremesOfACurveThatIsThinnedOut() {
    String old = experiment("91 days");
    reports(old, 1, 10_000);
    jdbi.useHandle(
        handle -> {
          handle.execute("update metric_report set values[1] = 99 where step = 5000");
          handle.execute("update metric_report set values[2] = 'NaN' where step = 7001");
          handle.execute("update metric_report set values[2] = -99 where step = 7002");
        });
    String young = experiment("89 days");
    reports(young, 1, 10_000);

    upkeep.thin(LONG, 100);

    assertThat(number("select count(*) from metric_report where curves = " + curves(young)))
        .isEqualTo(10_000);
    List<Integer> left = steps(old);
    assertThat(left).hasSizeBetween(90, 106).contains(1, 5000, 7001, 7002, 10_000);
    for (int stretch = 0; stretch < 10; stretch++) {
      int from = stretch * 1000;
      assertThat(left).anyMatch(step -> step > from && step <= from + 1000);
    }
    upkeep.thin(LONG, 100);
    assertThat(steps(old)).isEqualTo(left);
  }

  @Test
  void shouldKeepACurveWholeThatAYoungerExperimentHasTakenOver() {
    String old = experiment("91 days");
    reports(old, 1, 1000);
    takeOver(old, experiment("1 day"));

    upkeep.thin(LONG, 100);
    upkeep.forget(LONG);

    assertThat(steps(old)).hasSize(1000);
  }

  @Test
  void shouldForgetCurvesThatWereKeptLongEnough() {
    String old = experiment("91 days");
    reports(old, 1, 10);
    String young = experiment("89 days");
    reports(young, 1, 10);

    upkeep.forget(LONG);
    upkeep.deleteLeft();

    assertThat(metrics(old, "points=50")).isEqualTo("{\"series\":[]}");
    assertThat(number("select count(*) from metric_report")).isEqualTo(10);
  }

  @Test
  void shouldGiveATurnToOneApiAtATime() {
    assertThat(turns.take("something", LONG)).isTrue();
    assertThat(turns.take("something", LONG)).isFalse();
    assertThat(turns.take("else", LONG)).isTrue();
    jdbi.useHandle(
        handle -> handle.execute("update turn set taken_at = taken_at - interval '90 days'"));
    assertThat(turns.take("something", LONG)).isTrue();
  }

  private String experiment(String endedBefore) {
    String id = "u-" + UUID.randomUUID();
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              insert into experiment (id, name, spec, stage, finished_at)
              values (?, 'n', '{}', 'DONE', now() - cast(? as interval))
              """,
              id,
              endedBefore);
          handle.execute(
              """
              insert into model (experiment_id, key, position, range_low, range_high, state,
                total_steps, started_at)
              values (?, 'teacher', 0, 0, 1000, 'DONE', 100, now())
              """,
              id);
        });
    return id;
  }

  private void formerPoints(String id, int from, int to) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into metric_point
                select m.id, s.name, g.i, s.factor * (0.5 + g.i % 7)
                from model m, generate_series(?, ?) g (i),
                  (values ('rate', 1.0), ('loss', 3)) s (name, factor)
                where m.experiment_id = ?
                """,
                from, to, id));
  }

  private void reports(String id, int from, int to) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                with own as (insert into curves (series) values ('{loss,rate}') returning id),
                  linked as (update model m set curves = own.id from own where experiment_id = ?)
                insert into metric_report
                select own.id, step, array[3 * (0.5 + step % 7), 0.5 + step % 7]
                from own, generate_series(?, ?) step
                """,
                id, from, to));
  }

  private void takeOver(String source, String id) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                update model set reused_from = (select id from model where experiment_id = ?)
                where experiment_id = ?
                """,
                source,
                id));
  }

  private static String metrics(String id, String question) {
    return given()
        .get(EXPERIMENTS + id + "/models/teacher/metrics?" + question)
        .then()
        .statusCode(200)
        .extract()
        .asString();
  }

  private static String losses(String id) {
    return given()
        .get("/api/v1/experiments/losses?ids=" + id)
        .then()
        .statusCode(200)
        .extract()
        .asString()
        .replace(id, "");
  }

  private List<Integer> steps(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery("select step from metric_report where curves = :id order by step")
                .bind("id", curves(id))
                .mapTo(Integer.class)
                .list());
  }

  private long curves(String id) {
    return number("select curves from model where experiment_id = '%s'".formatted(id));
  }

  private long number(String query) {
    return jdbi.withHandle(handle -> handle.createQuery(query).mapTo(Long.class).one());
  }
}
