package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.AttemptHistory.MetricPoint;
import dev.atelier.store.AttemptHistory.Usage;
import dev.atelier.workflows.ModelKey;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Curves in rows of reports, and what versions before wrote a point at a time. */
class CurvesTest {

  private static final ModelKey STUDENT = ModelKey.student(1);
  private static final Usage NOTHING_USED = new Usage(0, 0, 0);

  private static HistoryDatabase database;
  private static Jdbi sql;
  private static AttemptHistory attempts;
  private static ModelHistory models;

  @BeforeAll
  static void startPostgres() throws IOException {
    database = new HistoryDatabase();
    sql = database.sql();
    attempts = new AttemptHistory(database.source());
    models = new ModelHistory(database.source());
  }

  @AfterAll
  static void stopPostgres() throws IOException {
    database.close();
  }

  @BeforeEach
  void holdOneStudent() {
    database.holdOneStudent();
    sql.useHandle(handle -> handle.execute("truncate metric_report, metric_point, curves"));
  }

  @Test
  void shouldKeepEveryBitOfAValue() {
    List<Double> values =
        List.of(0.1, -0.0, Double.MIN_VALUE, 1 / 3.0, Double.NaN, Double.NEGATIVE_INFINITY, 1e300);
    for (int step = 0; step < values.size(); step++) {
      report(start(), point("loss", step, values.get(step)));
    }

    List<Double> found =
        sql.withHandle(
            handle ->
                handle
                    .createQuery("select values[1] from metric_report order by step")
                    .mapTo(Double.class)
                    .list());
    assertThat(found).isEqualTo(values); // boxed: compared bit by bit, but for the kinds of NaN
  }

  @Test
  void shouldPutSeriesThatComeLaterBehindTheOthersAndLeaveGapsWhereAReportHasNone() {
    Attempt attempt = start();
    report(attempt, point("a", 10, 1), point("b", 10, 2));
    report(attempt, point("c", 20, 3), point("a", 20, 4));

    assertThat(curves("e")).isEqualTo(Map.of("a", "10=1 20=4", "b", "10=2", "c", "20=3"));
  }

  @Test
  void shouldReplaceTheValuesOfAReplayedStepAndKeepThoseThatItDoesNotHave() {
    report(start(), point("a", 10, 1), point("b", 10, 2));
    report(start(), point("a", 10, 5));

    assertThat(curves("e")).isEqualTo(Map.of("a", "10=5", "b", "10=2"));
  }

  @Test
  void shouldGoOnFromWhatAFormerVersionWrote() {
    formerPoint("e", "a", 10, 1);
    formerPoint("e", "b", 20, 2);
    report(start(), point("a", 20, 3), point("c", 20, 4));

    assertThat(curves("e")).isEqualTo(Map.of("a", "10=1 20=3", "b", "20=2", "c", "20=4"));
    assertThat(number("select count(*) from metric_point")).isZero();
  }

  @Test
  void shouldTakeThePointOfAFormerVersionThatWroteLater() {
    report(start(), point("a", 10, 1), point("b", 10, 2));
    formerPoint("e", "a", 10, 7);

    assertThat(number("select sum(move_metric_points(id, 1)) from model")).isOne();
    assertThat(curves("e")).isEqualTo(Map.of("a", "10=7", "b", "10=2"));
  }

  @Test
  void shouldMoveInBoundedStepsWithoutLosingAPoint() {
    for (int step = 1; step <= 30; step++) {
      formerPoint("e", "a", step, step);
      formerPoint("e", "b", 2 * step, step);
    }
    int moves = 0;
    while (number("select move_metric_points(id, 7) from model") > 0) {
      moves++;
    }

    assertThat(moves).isGreaterThan(4);
    assertThat(number("select count(*) from metric_point")).isZero();
    assertThat(curves("e").get("a").split(" ")).hasSize(30);
    assertThat(curves("e").get("b")).startsWith("2=1 4=2").endsWith("60=30");
  }

  @Test
  void shouldDeleteThePointsOfAModelThatIsGone() {
    formerPoint("e", "a", 10, 1);
    long model = number("select id from model");
    sql.useHandle(handle -> handle.execute("delete from experiment"));

    assertThat(number("select move_metric_points(%d, 5)".formatted(model))).isOne();
    assertThat(number("select count(*) from metric_point")).isZero();
  }

  @Test
  void shouldLeaveThoseWhoTookAModelOverTheirCurvesWhenItGoesOn() {
    report(start(), point("a", 10, 1));
    formerPoint("e", "a", 20, 2);
    takenOverBy("f");

    models.recordExtension("e", STUDENT, 200);
    report(start(), point("a", 30, 3));

    assertThat(curves("f")).isEqualTo(Map.of("a", "10=1 20=2"));
    assertThat(curves("e")).isEqualTo(Map.of("a", "10=1 20=2 30=3"));
  }

  @Test
  void shouldGoOnWithACopyOfTheCurvesThatWereTakenOver() {
    report(start(), point("a", 10, 1));
    takenOverBy("f");

    models.recordExtension("f", STUDENT, 200);
    report(attempts.start("f", STUDENT, 200, 1, Optional.empty(), "w"), point("a", 20, 2));

    assertThat(curves("e")).isEqualTo(Map.of("a", "10=1"));
    assertThat(curves("f")).isEqualTo(Map.of("a", "10=1 20=2"));
  }

  @Test
  void shouldNoteTheCurvesThatAModelLeavesAndThoseOfADeletedOne() {
    report(start(), point("a", 10, 1));
    models.recordReplacement(
        "e",
        STUDENT,
        new StudentReplacement(
            Optional.empty(),
            TrainingOverrides.NONE,
            Optional.of(0.5),
            Optional.empty(),
            Optional.empty(),
            Optional.empty()),
        7);
    assertThat(curves("e")).isEmpty();
    report(start(), point("a", 5, 1));
    sql.useHandle(handle -> handle.execute("delete from experiment"));

    assertThat(number("select count(*) from curves_left l join curves c on c.id = l.curves"))
        .isEqualTo(2);
  }

  private static Attempt start() {
    return attempts.start("e", STUDENT, 100, 1, Optional.empty(), "w");
  }

  private static MetricPoint point(String series, int step, double value) {
    return new MetricPoint(series, step, value);
  }

  private static void report(Attempt attempt, MetricPoint... points) {
    attempts.recordProgress(attempt, points[0].step(), 1, 1, List.of(points), NOTHING_USED);
  }

  private static void formerPoint(String experiment, String series, int step, double value) {
    sql.useHandle(
        handle ->
            handle.execute(
                """
                insert into metric_point
                select id, ?, ?, ? from model where experiment_id = ?
                """,
                series,
                step,
                value,
                experiment));
  }

  private static void takenOverBy(String id) {
    sql.useHandle(
        handle -> {
          handle.execute(
              "insert into experiment (id, name, spec, stage) values (?, 'n', '{}', 'DONE')", id);
          handle.execute(
              """
              insert into model (experiment_id, key, position, range_low, range_high, state,
                  total_steps, reused_from)
              select ?, key, 1, 0, 1000, 'DONE', 100, id from model where experiment_id = 'e'
              """,
              id);
        });
  }

  /** By series; its points as {@code step=value}. */
  private static Map<String, String> curves(String experiment) {
    return sql.withHandle(
        handle ->
            new TreeMap<>(
                handle
                    .createQuery(
                        """
                        select u.series, string_agg(r.step || '=' || u.value, ' ' order by r.step)
                        from model m join curves c on c.id = m.curves
                        join metric_report r on r.curves = c.id
                        cross join unnest(c.series, r.values) u (series, value)
                        where m.experiment_id = ? and u.value is not null
                        group by u.series
                        """)
                    .bind(0, experiment)
                    .reduceRows(
                        new TreeMap<String, String>(),
                        (found, row) -> {
                          found.put(row.getColumn(1, String.class), row.getColumn(2, String.class));
                          return found;
                        })));
  }

  private static long number(String query) {
    return sql.withHandle(handle -> handle.createQuery(query).mapTo(Long.class).one());
  }
}
