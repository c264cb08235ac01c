package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.TurnHistory.DeviceKind;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.Stage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Turns at a project's devices, on a real Postgres. */
class TurnHistoryTest {

  private static HistoryDatabase database;
  private static Jdbi sql;
  private static TurnHistory turns;

  @BeforeAll
  static void startPostgres() throws IOException {
    database = new HistoryDatabase();
    sql = database.sql();
    turns = new TurnHistory(database.source());
  }

  @AfterAll
  static void stopPostgres() throws IOException {
    database.close();
  }

  @BeforeEach
  void holdTwoExperiments() {
    sql.useHandle(
        handle -> {
          for (String table : List.of("experiment", "project_quota", "project_usage", "worker")) {
            handle.execute("delete from " + table);
          }
        });
    experiment("a", "vision", "gpu");
    experiment("b", "vision", "gpu");
  }

  private static void experiment(String id, String project, String compute) {
    sql.useHandle(
        handle -> {
          handle.execute(
              """
              insert into experiment (id, name, spec, stage, project)
              values (?, ?, jsonb_build_object('compute', cast(? as text)), 'QUEUED', ?)
              """,
              id,
              id,
              compute,
              project);
          handle.execute(
              """
              insert into model (experiment_id, key, position, range_low, range_high, state,
                total_steps)
              values (?, 'student-1', 1, 0, 1000, 'PENDING', 100)
              """,
              id);
        });
  }

  private static void bound(String column, Number most) {
    sql.useHandle(
        handle ->
            handle.execute(
                """
                insert into project_quota (project, %1$s) values ('vision', ?)
                on conflict (project) do update set %1$s = excluded.%1$s
                """
                    .formatted(column),
                most));
  }

  private static boolean hasTurn(String experiment, String work) {
    return turns.take(experiment, work).isEmpty();
  }

  /** How many of sixteen pieces of work of two experiments get a turn when all ask at once. */
  private static long grantedOfSixteen() throws Exception {
    CyclicBarrier all = new CyclicBarrier(16);
    ExecutorService askers = Executors.newFixedThreadPool(16);
    try {
      List<Future<Boolean>> answers = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        String experiment = i % 2 == 0 ? "a" : "b";
        String work = "student-" + i;
        answers.add(
            askers.submit(
                () -> {
                  all.await();
                  return hasTurn(experiment, work);
                }));
      }
      long granted = 0;
      for (Future<Boolean> answer : answers) {
        granted += answer.get() ? 1 : 0;
      }
      return granted;
    } finally {
      askers.shutdownNow();
    }
  }

  @Test
  void shouldGiveNoMoreTurnsThanDevicesWhenAllAskAtOnce() throws Exception {
    assertThat(grantedOfSixteen()).as("without a bound").isEqualTo(16);
    for (int repeated = 0; repeated < 10; repeated++) {
      sql.useHandle(handle -> handle.execute("delete from device_turn"));
      bound("devices_at_once", 3);
      assertThat(grantedOfSixteen()).isEqualTo(3);
    }
  }

  @Test
  void shouldLetWhoAskedFirstHaveTheDeviceThatIsFree() {
    bound("devices_at_once", 1);
    assertThat(hasTurn("a", "student-1")).isTrue();
    assertThat(hasTurn("a", "student-1")).as("asked again, its answer was lost").isTrue();
    assertThat(turns.take("b", "student-1"))
        .contains(
            "Project 'vision' may use 1 device(s) at once; 1 of its pieces of work have one, 0 wait before this one: student-1 waits until one is free.");
    assertThat(hasTurn("a", "student-2")).isFalse();

    turns.giveBack("a", "student-1");
    assertThat(turns.take("a", "student-2").orElseThrow()).contains("0 of its", "1 wait before");
    assertThat(hasTurn("b", "student-1")).isTrue();
    assertThat(hasTurn("a", "student-2")).isFalse();
  }

  @Test
  void shouldPassOverWhoAsksNoMore() {
    bound("devices_at_once", 1);
    assertThat(hasTurn("a", "student-1")).isTrue();
    assertThat(hasTurn("b", "student-1")).isFalse();
    turns.giveBack("a", "student-1");
    assertThat(hasTurn("a", "student-2")).isFalse();
    sql.useHandle(
        handle ->
            handle.execute(
                "update device_turn set seen_at = now() - interval '4 min' where experiment_id = 'b'"));
    assertThat(hasTurn("a", "student-2")).isTrue();
  }

  @Test
  void shouldNotCountWhatOtherProjectsHave() {
    experiment("c", "speech", "gpu");
    bound("devices_at_once", 1);
    assertThat(hasTurn("c", "student-1")).isTrue();
    assertThat(hasTurn("c", "student-2")).isTrue();
    assertThat(hasTurn("a", "student-1")).isTrue();
  }

  @Test
  void shouldWaitForTheNextMonthOrAHigherBoundWhenTheHoursAreUsedUp() {
    experiment("on-cpu", "vision", "cpu-large");
    bound("gpu_hours_per_month", 2.5);
    turns.recordUse("a", "teacher", DeviceKind.GPU, 3600);
    assertThat(hasTurn("b", "student-1")).isTrue();
    turns.recordUse("b", "student-1", DeviceKind.GPU, 5400);
    assertThat(turns.take("b", "student-2"))
        .contains(
            "Project 'vision' may use 2.5 GPU-hours a month and has used 2.5: student-2 waits until the month ends (UTC), or an admin raises the bound.");
    assertThat(hasTurn("on-cpu", "student-1")).as("no hours of a GPU").isTrue();

    bound("gpu_hours_per_month", 3);
    assertThat(hasTurn("b", "student-2")).isTrue();
    bound("gpu_hours_per_month", 1);
    assertThat(hasTurn("b", "student-3")).isFalse();
    sql.useHandle(
        handle -> handle.execute("update project_usage set month = month - interval '1 month'"));
    assertThat(hasTurn("b", "student-3")).as("in the next month").isTrue();
  }

  @Test
  void shouldTellHoursOfCpusByWhoServesTheQueue() {
    bound("cpu_hours_per_month", 0);
    assertThat(hasTurn("a", "student-1")).as("by its name").isTrue();
    sql.useHandle(
        handle ->
            handle.execute(
                """
                insert into worker (id, name, task_queues, device, threads, started_at, seen_at, doing)
                values ('w', 'w', '{atelier-gpu}', 'cpu', 1, now(), now(), '[]')
                """));
    assertThat(turns.take("a", "student-2").orElseThrow()).contains("0 CPU-hours");
  }

  @Test
  void shouldFreeTheDevicesOfAnExperimentThatEndsIsPausedOrLosesAModel() {
    bound("devices_at_once", 1);
    assertThat(hasTurn("a", "student-1")).isTrue();
    new ModelHistory(database.source()).recordCanceled("a", ModelKey.student(1));
    assertThat(hasTurn("a", "student-2")).isTrue();
    new ModelHistory(database.source()).recordHandedBack("a");
    assertThat(hasTurn("a", "student-3")).isTrue();
    ExperimentHistory experiments = new ExperimentHistory(database.source());
    experiments.recordStage("a", Stage.TRAINING_STUDENTS, "", "");
    assertThat(hasTurn("b", "student-1")).as("a goes on").isFalse();
    experiments.recordStage("a", Stage.CANCELED, "", "");
    assertThat(hasTurn("b", "student-1")).isTrue();
  }

  @Test
  void shouldCountAsInUseWhatWorksWhoeverLetItButNotForAnExperimentThatHasEnded() {
    bound("devices_at_once", 1);
    turns.recordUse("a", "teacher", DeviceKind.GPU, 10);
    assertThat(hasTurn("b", "student-1")).isFalse();
    new ExperimentHistory(database.source()).recordStage("a", Stage.DONE, "", "");
    turns.recordUse("a", "teacher", DeviceKind.GPU, 10); // late
    assertThat(hasTurn("b", "student-1")).isTrue();
    assertThat(seconds("GPU")).isEqualTo(20);
  }

  @Test
  void shouldKeepWhatWasUsedWhenTheExperimentIsDeletedAndSayOnceThatWorkWaits() {
    bound("devices_at_once", 0);
    turns.recordUse("a", "teacher", DeviceKind.CPU, 7);
    assertThat(hasTurn("b", "student-1")).isFalse();
    assertThat(hasTurn("b", "student-1")).isFalse();
    assertThat(events("b")).isEqualTo(1);
    sql.useHandle(handle -> handle.execute("delete from experiment"));
    assertThat(seconds("CPU")).isEqualTo(7);
    assertThat(hasTurn("b", "student-1")).as("what is gone is bounded by nothing").isTrue();
  }

  private static double seconds(String kind) {
    return sql.withHandle(
        handle ->
            handle
                .createQuery("select sum(amount) from project_usage where kind = :kind")
                .bind("kind", kind)
                .mapTo(Double.class)
                .one());
  }

  private static int events(String experiment) {
    return sql.withHandle(
        handle ->
            handle
                .createQuery(
                    "select count(*) from event where experiment_id = :id and kind = 'turn-awaited'")
                .bind("id", experiment)
                .mapTo(Integer.class)
                .one());
  }
}
