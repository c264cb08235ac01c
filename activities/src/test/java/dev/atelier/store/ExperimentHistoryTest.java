package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.merging.SearchMemory.Candidate;
import dev.atelier.merging.SearchMemory.Search;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.AttemptHistory.MetricPoint;
import dev.atelier.store.AttemptHistory.Usage;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.Stage;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The worker's rows, on a real Postgres with the real migrations. */
class ExperimentHistoryTest {

  private static final ModelKey STUDENT = ModelKey.student(1);

  private static final StudentReplacement REPLACEMENT =
      new StudentReplacement(
          Optional.empty(),
          TrainingOverrides.NONE,
          Optional.of(0.5),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());

  private static HistoryDatabase database;
  private static Jdbi sql;
  private static AttemptHistory attempts;
  private static CheckpointHistory checkpoints;
  private static ExperimentHistory experiments;
  private static ModelHistory models;
  private static EvaluationHistory evaluations;
  private static SearchHistory searches;

  @BeforeAll
  static void startPostgres() throws IOException {
    database = new HistoryDatabase();
    sql = database.sql();
    attempts = new AttemptHistory(database.source());
    checkpoints = new CheckpointHistory(database.source());
    experiments = new ExperimentHistory(database.source());
    models = new ModelHistory(database.source());
    evaluations = new EvaluationHistory(database.source());
    searches = new SearchHistory(database.source());
  }

  @AfterAll
  static void stopPostgres() throws IOException {
    database.close();
  }

  @BeforeEach
  void holdOneStudent() {
    database.holdOneStudent();
  }

  private static final Usage NOTHING_USED = new Usage(0, 0, 0);

  @Test
  void shouldRefuseEveryWriteOfAnAttemptThatWasSuperseded() {
    Attempt zombie = start();
    Attempt owner = start();

    assertThatThrownBy(() -> attempts.recordProgress(zombie, 50, 0.1, 9, List.of(), NOTHING_USED))
        .isInstanceOf(SupersededException.class);
    assertThatThrownBy(() -> checkpoints.record(zombie, 50, "m", "s", 1))
        .isInstanceOf(SupersededException.class);
    assertThatThrownBy(() -> attempts.recordDone("e", STUDENT, zombie))
        .isInstanceOf(SupersededException.class);
    assertThat(number("select step from model")).isZero();
    assertThat(number("select count(*) from checkpoint")).isZero();
    assertThat(text("select state from model")).isEqualTo("RUNNING");

    // The owner's same writes go through: it is the fence that refused, not the rows.
    attempts.recordProgress(owner, 50, 0.1, 9, List.of(), NOTHING_USED);
    checkpoints.record(owner, 50, "m", "s", 1);
    attempts.recordDone("e", STUDENT, owner);
    assertThat(number("select count(*) from checkpoint")).isOne();
    assertThat(text("select state from model")).isEqualTo("DONE");
  }

  @Test
  void shouldRefuseWritesOfRunningAttemptWhenTheExperimentWasCanceled() {
    Attempt attempt = start();
    experiments.recordStage("e", Stage.CANCELED, "", "");

    assertThatThrownBy(() -> attempts.recordDone("e", STUDENT, attempt))
        .isInstanceOf(SupersededException.class);
    assertThat(text("select state from model")).isEqualTo("CANCELED");
  }

  @Test
  void shouldKeepOnePointPerStepWhenStepsAreReplayed() {
    List<MetricPoint> points =
        List.of(new MetricPoint("loss", 10, 0.5), new MetricPoint("loss", 20, 0.25));
    attempts.recordProgress(start(), 20, 0.25, 9, points, NOTHING_USED);
    attempts.recordProgress(start(), 20, 0.25, 9, points, NOTHING_USED);

    assertThat(number("select count(*) from metric_report")).isEqualTo(2);
  }

  @Test
  void shouldAccountForEachAttemptHoweverOftenItsProgressIsWritten() {
    Attempt first = start();
    attempts.recordProgress(first, 30, 0.5, 9, List.of(), new Usage(0, 2.5, 0));
    attempts.recordProgress(first, 60, 0.5, 9, List.of(), new Usage(0, 5, 0));
    attempts.recordProgress(first, 60, 0.5, 9, List.of(), new Usage(0, 5, 0));
    Attempt second = start(); // the first was lost after its checkpoint of step 50
    attempts.recordProgress(second, 100, 0.5, 9, List.of(), new Usage(50, 4, 1));

    assertThat(number("select sum(last_step - first_step) from attempt")).isEqualTo(110);
    assertThat(number("select cast(sum(cpu_seconds) as bigint) from attempt")).isEqualTo(9);
    assertThat(number("select cast(sum(gpu_seconds) as bigint) from attempt")).isOne();
  }

  @Test
  void shouldMakeATeachersForwardProcessThatOfItsExperiment() {
    sql.useHandle(
        handle ->
            handle.execute(
                """
                update experiment set spec =
                  '{"students": {"count": 1}, "teacher": {"source": "vpred"}, "seed": 7}'
                """));
    DiffusionSpec theirs =
        DiffusionSpecBuilder.builder()
            .timesteps(200)
            .schedule(DiffusionSpec.Schedule.COSINE)
            .build();
    assertThat(experiments.recordDiffusion("e", theirs)).isEmpty();
    assertThat(experiments.recordDiffusion("e", theirs)).isEmpty();
    assertThat(text("select spec #>> '{diffusion,timesteps}' from experiment")).isEqualTo("200");
    assertThat(text("select spec #>> '{diffusion,schedule}' from experiment")).isEqualTo("cosine");
    assertThat(text("select coalesce(spec #>> '{diffusion,from}', 'none') from experiment"))
        .isEqualTo("none");
    assertThat(text("select spec ->> 'seed' from experiment")).isEqualTo("7");
    assertThat(number("select range_high from model")).isEqualTo(200);

    DiffusionSpec short50 =
        DiffusionSpecBuilder.builder()
            .timesteps(50)
            .schedule(DiffusionSpec.Schedule.COSINE)
            .build();
    assertThat(experiments.recordDiffusion("e", short50)) // of which 100 are sampled
        .extracting(SpecFault::field)
        .containsExactly("evaluation.sampler.steps");
    assertThat(number("select range_high from model")).isEqualTo(200);
  }

  @Test
  void shouldListCheckpointsNewestFirst() {
    Attempt attempt = start();
    checkpoints.record(attempt, 10, "ten", "a", 1);
    checkpoints.record(attempt, 20, "twenty", "b", 1);
    checkpoints.record(attempt, 20, "twenty again", "c", 1);

    assertThat(checkpoints.of(attempt))
        .extracting(CheckpointHistory.CheckpointRow::manifestKey)
        .containsExactly("twenty again", "ten");
  }

  @Test
  void shouldSetRangesAndSayWhichWhenTheyArePlanned() {
    models.recordRanges("e", List.of(new TimestepRange(0, 400)), "snr: [0, 400)");
    models.recordRanges("e", List.of(new TimestepRange(0, 300)), "snr: [0, 300)");

    assertThat(number("select range_high from model")).isEqualTo(300);
    assertThat(
            text(
                "select string_agg(detail, ' ' order by id) from event where kind = 'ranges-planned'"))
        .isEqualTo("snr: [0, 400) snr: [0, 300)");
  }

  @Test
  void shouldEndAStudentOfTheTeachersSizeOnceWhenTheTeacherOwnsItsRange() {
    sql.useHandle(
        handle ->
            handle.execute(
                """
                insert into model (experiment_id, key, position, range_low, range_high, state,
                    total_steps, parameters, macs)
                values ('e', 'teacher', 0, 0, 1000, 'DONE', 50, 123, 456)
                """));
    models.recordTeacherRange("e", STUDENT, new TimestepRange(500, 1000));
    models.recordTeacherRange("e", STUDENT, new TimestepRange(500, 1000));

    String student = " from model where key = 'student-1'";
    assertThat(text("select state" + student)).isEqualTo("DONE");
    assertThat(number("select parameters" + student)).isEqualTo(123);
    assertThat(number("select macs" + student)).isEqualTo(456);
    assertThat(number("select range_low" + student)).isEqualTo(500);
    assertThat(number("select total_steps" + student)).isZero();
    assertThat(text("select string_agg(detail, '') from event where kind = 'teacher-range'"))
        .isEqualTo("the teacher owns [500, 1000)");
  }

  @Test
  void shouldRecordStageOnceWhenTheActivityIsRepeated() {
    experiments.recordStage("e", Stage.TRAINING_TEACHER, "", "");
    experiments.recordStage("e", Stage.TRAINING_TEACHER, "", "");

    assertThat(text("select stage from experiment")).isEqualTo("TRAINING_TEACHER");
    assertThat(number("select count(*) from event where kind = 'stage'")).isOne();
  }

  @Test
  void shouldKeepTheReasonOfAFailedModelUntilItIsRetried() {
    start();
    models.recordFailed("e", STUDENT, "DIVERGED", "Loss is NaN at step 7.");
    assertThat(text("select error_message from model")).isEqualTo("Loss is NaN at step 7.");

    models.recordRetry("e", STUDENT, TrainingOverrides.NONE, 10);
    assertThat(text("select state from model")).isEqualTo("PENDING");
    assertThat(number("select count(*) from model where error_message is null")).isOne();
  }

  @Test
  void shouldTrainOnInAPlaceOfItsOwnWhenADoneModelIsExtended() {
    Attempt first = start();
    checkpoints.record(first, 100, "m/100", "sha", 1);
    attempts.recordDone("e", STUDENT, first);

    models.recordExtension("e", STUDENT, 200);
    models.recordExtension("e", STUDENT, 200); // the activity is repeated
    assertThat(text("select state from model")).isEqualTo("PENDING");
    assertThat(number("select total_steps from model")).isEqualTo(200);
    Attempt second = start();
    assertThat(second.place()).isOne();
    assertThat(checkpoints.of(second)).hasSize(1); // which it goes on from
  }

  @Test
  void shouldLeaveARunningAttemptItsPowerWhenItsModelIsExtended() {
    Attempt running = start();
    models.recordExtension("e", STUDENT, 200);

    checkpoints.record(running, 50, "m/50", "sha", 1);
    assertThat(text("select state from model")).isEqualTo("RUNNING");
    assertThat(start().place()).isZero();
  }

  @Test
  void shouldForgetTheCheckpointsAndRefuseTheAttemptsOfAModelThatIsReplaced() {
    Attempt replaced = start();
    attempts.recordProgress(
        replaced, 10, 1.0, 1.0, List.of(new MetricPoint("loss", 10, 1.0)), NOTHING_USED);
    checkpoints.record(replaced, 10, "m/10", "sha", 1);

    models.recordReplacement("e", STUDENT, REPLACEMENT, 7);
    assertThatThrownBy(() -> checkpoints.record(replaced, 20, "m/20", "sha", 1))
        .isInstanceOf(SupersededException.class);
    assertThat(number("select total_steps from model")).isEqualTo(7);
    assertThat(number("select count(*) from model where curves is not null")).isZero();
    Attempt anew = start();
    assertThat(anew.place()).isOne();
    assertThat(checkpoints.of(anew)).isEmpty();
  }

  @Test
  void shouldKeepTheCurvesOfThoseWhoTookAModelOverWhenItIsReplaced() {
    Attempt source = start();
    attempts.recordProgress(
        source, 10, 1.0, 1.0, List.of(new MetricPoint("loss", 10, 1.0)), NOTHING_USED);
    attempts.recordDone("e", STUDENT, source);
    sql.useHandle(
        handle -> {
          handle.execute(
              "insert into experiment (id, name, spec, stage) values ('f', 'f', '{}', 'DONE')");
          handle.execute(
              """
              insert into model (experiment_id, key, position, range_low, range_high, state,
                  total_steps, reused_from)
              values ('f', 'student-1', 1, 0, 1000, 'DONE', 100, ?)
              """,
              source.modelId());
        });

    models.recordReplacement("e", STUDENT, REPLACEMENT, 7);
    assertThat(
            text(
                """
                select m.experiment_id from metric_report r join model m on m.curves = r.curves
                """))
        .isEqualTo("f");
  }

  @Test
  void shouldRefuseTheAttemptsOfAModelThatIsCanceled() {
    Attempt canceled = start();
    models.recordCanceled("e", STUDENT);
    models.recordCanceled("e", STUDENT);

    assertThatThrownBy(() -> attempts.recordDone("e", STUDENT, canceled))
        .isInstanceOf(SupersededException.class);
    assertThat(text("select state from model")).isEqualTo("CANCELED");
    assertThat(number("select count(*) from event where kind = 'model-canceled'")).isOne();
  }

  @Test
  void shouldShowThatAnExperimentIsPausedUntilItIsResumedOrEnds() {
    Attempt running = start();
    experiments.recordPause("e", true);
    experiments.recordPause("e", true);
    models.recordHandedBack("e");
    assertThat(number("select count(*) from experiment where paused_at is not null")).isOne();
    assertThat(number("select count(*) from event where kind = 'pause'")).isOne();
    assertThat(text("select state from model")).isEqualTo("PENDING");
    assertThatThrownBy(() -> checkpoints.record(running, 20, "m/20", "sha", 1))
        .isInstanceOf(SupersededException.class);

    experiments.recordPause("e", false);
    assertThat(number("select count(*) from experiment where paused_at is null")).isOne();
    experiments.recordPause("e", true);
    experiments.recordStage("e", Stage.CANCELED, "", "");
    assertThat(number("select count(*) from experiment where paused_at is null")).isOne();
  }

  @Test
  void shouldEndWhatIsLeftWhenAnExperimentEndsPartial() {
    experiments.recordStage("e", Stage.PARTIAL, "INCOMPLETE", "student-1 was not trained.");

    assertThat(text("select state from model")).isEqualTo("CANCELED");
    assertThat(text("select error_message from experiment"))
        .isEqualTo("student-1 was not trained.");
    assertThat(number("select count(*) from experiment where finished_at is not null")).isOne();
  }

  @Test
  void shouldKeepOneEvaluationPerSubjectAndTheDataset() {
    Evaluation first =
        new Evaluation(
            "o2mkd",
            "Fréchet distance (x)",
            3.5,
            Optional.of(1e6),
            10,
            2,
            3,
            "{}",
            Map.of(),
            Optional.of(4L));
    evaluations.record("e", first);
    evaluations.record(
        "e",
        new Evaluation(
            "o2mkd",
            "Fréchet distance (x)",
            2.5,
            Optional.of(1e6),
            10,
            2,
            3,
            "{}",
            Map.of("recall", 0.5),
            Optional.of(4L)));
    experiments.recordDataset("e", new DatasetRef("abc", 10, 16, 3, 1, 0));

    assertThat(number("select count(*) from evaluation where distance = 2.5")).isOne();
    assertThat(text("select metrics ->> 'recall' from evaluation")).isEqualTo("0.5");
    assertThat(evaluations.of("e").get(0).metrics()).isEqualTo(Map.of("recall", 0.5));
    assertThat(evaluations.of("e").get(0).weightsBytes()).contains(4L);
    assertThat(text("select dataset ->> 'sha256' from experiment")).isEqualTo("abc");
  }

  @Test
  void shouldRememberTheCandidatesOfEachSearchAndWhichAreOnTheFrontier() {
    Estimator estimator = Estimator.EXTRAPOLATED_FRECHET;
    Candidate dear = new Candidate("teacher", 0, 1.5, Optional.of(100.0), "[]", estimator);
    Candidate cheap = new Candidate("student-1", 1, 0.1 + 0.2, Optional.empty(), "[]", estimator);
    searches.record("e", Search.SCHEDULE, dear);
    searches.record("e", Search.SCHEDULE, dear);
    searches.record("e", Search.SCHEDULE, cheap);
    searches.record("e", Search.MERGE, cheap);

    assertThat(searches.resume("e", Search.SCHEDULE, estimator))
        .containsOnly(Map.entry("teacher", 1.5), Map.entry("student-1", 0.1 + 0.2));
    searches.recordFrontier("e", Search.SCHEDULE, List.of("teacher"));
    searches.recordFrontier("e", Search.SCHEDULE, List.of("student-1"));
    assertThat(text("select name from candidate where frontier")).isEqualTo("student-1");
    assertThat(number("select count(*) from candidate where search = 'MERGE' and not frontier"))
        .isOne();
  }

  @Test
  void shouldForgetCandidatesThatAnotherEstimatorRankedWhenASearchGoesOn() {
    searches.record(
        "e", Search.MERGE, new Candidate("a", 0, 1.5, Optional.empty(), "[]", Estimator.FRECHET));
    searches.record(
        "e",
        Search.MERGE,
        new Candidate("b", 0, 2.5, Optional.empty(), "[]", Estimator.EXTRAPOLATED_FRECHET));
    searches.record(
        "e",
        Search.SCHEDULE,
        new Candidate("a", 0, 1.5, Optional.empty(), "[]", Estimator.FRECHET));

    assertThat(searches.resume("e", Search.MERGE, Estimator.EXTRAPOLATED_FRECHET))
        .containsOnly(Map.entry("b", 2.5));
    assertThat(number("select count(*) from candidate")).isEqualTo(2);
  }

  @Test
  void shouldSayThatTheDatabaseFailedWhenItIsAway() throws IOException {
    EmbeddedPostgres away = EmbeddedPostgres.start();
    ExperimentHistory unreachable = new ExperimentHistory(away.getPostgresDatabase());
    away.close();

    assertThatThrownBy(() -> unreachable.recordStage("e", Stage.DONE, "", ""))
        .isInstanceOf(StoreUnavailableException.class);
  }

  private static Attempt start() {
    return attempts.start("e", STUDENT, 100, 5, Optional.of(7L), "worker-1");
  }

  private static long number(String query) {
    return sql.withHandle(handle -> handle.createQuery(query).mapTo(Long.class).one());
  }

  private static String text(String query) {
    return sql.withHandle(handle -> handle.createQuery(query).mapTo(String.class).one());
  }
}
