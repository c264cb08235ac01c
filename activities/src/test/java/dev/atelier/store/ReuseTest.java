package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.DatasetReuse.PreparedElsewhere;
import dev.atelier.store.EvaluationReuse.MeasuredElsewhere;
import dev.atelier.store.ModelReuse.Elsewhere;
import dev.atelier.store.ModelReuse.Trained;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.ArtifactKind;
import dev.atelier.workflows.vocabulary.EventKind;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Reuse on a real Postgres with the real migrations. */
class ReuseTest {

  private static final ModelKey TEACHER = ModelKey.TEACHER;

  private static HistoryDatabase database;
  private static Jdbi sql;
  private static ModelHistory models;
  private static ExperimentHistory experiments;
  private static EvaluationHistory evaluations;
  private static ArtifactHistory artifacts;
  private static EventHistory events;
  private static AttemptHistory attempts;
  private static CheckpointHistory checkpoints;
  private static ModelReuse modelReuse;
  private static DatasetReuse datasetReuse;
  private static EvaluationReuse evaluationReuse;

  @BeforeAll
  static void startPostgres() throws IOException {
    database = new HistoryDatabase();
    sql = database.sql();
    models = new ModelHistory(database.source());
    experiments = new ExperimentHistory(database.source());
    evaluations = new EvaluationHistory(database.source());
    artifacts = new ArtifactHistory(database.source());
    events = new EventHistory(database.source());
    attempts = new AttemptHistory(database.source());
    checkpoints = new CheckpointHistory(database.source());
    modelReuse = new ModelReuse(database.source());
    datasetReuse = new DatasetReuse(database.source());
    evaluationReuse = new EvaluationReuse(database.source());
  }

  @AfterAll
  static void stopPostgres() throws IOException {
    database.close();
  }

  @BeforeEach
  void insertExperiments() {
    sql.useHandle(
        handle -> {
          handle.execute("delete from experiment");
          for (int i = 0; i < 8; i++) {
            handle.execute(
                "insert into experiment (id, name, spec, stage) values (?, 'e', '{}', 'QUEUED')",
                "e" + i);
            handle.execute(
                """
                insert into model (experiment_id, key, position, range_low, range_high, state,
                    total_steps)
                values (?, 'teacher', 0, 0, 1000, 'PENDING', 100)
                """,
                "e" + i);
          }
        });
  }

  @Test
  void shouldLetOneOfSeveralExperimentsTrainAModelThatAllWant() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    List<Future<Optional<Elsewhere>>> claims =
        threads.invokeAll(
            IntStream.range(0, 8)
                .<Callable<Optional<Elsewhere>>>mapToObj(
                    i -> () -> modelReuse.claim("e" + i, TEACHER, "f", Set.of()))
                .toList());
    threads.shutdown();
    int free = 0;
    for (Future<Optional<Elsewhere>> claim : claims) {
      free += claim.get().isEmpty() ? 1 : 0;
    }
    assertThat(free).isEqualTo(1);
  }

  @Test
  void shouldAnswerTheClaimantThatAsksAgainAsBefore() {
    assertThat(modelReuse.claim("e0", TEACHER, "f", Set.of())).isEmpty();
    assertThat(modelReuse.claim("e0", TEACHER, "f", Set.of())).isEmpty();
    assertThat(modelReuse.claim("e1", TEACHER, "f", Set.of()))
        .contains(new Elsewhere("e0", TEACHER));
    assertThat(modelReuse.claim("e1", TEACHER, "other", Set.of())).isEmpty();
  }

  @Test
  void shouldFreeTheModelWhenItsClaimantFailsOrEnds() {
    modelReuse.claim("e0", TEACHER, "f", Set.of());
    models.recordFailed("e0", TEACHER, "DIVERGED", "Diverged.");
    assertThat(modelReuse.claim("e1", TEACHER, "f", Set.of())).isEmpty();
    experiments.recordStage("e1", Stage.CANCELED, "", "");
    assertThat(modelReuse.claim("e2", TEACHER, "f", Set.of())).isEmpty();
  }

  @Test
  void shouldNotWaitForeverForAClaimantThatNoWorkerServes() {
    modelReuse.claim("e0", TEACHER, "f", Set.of());
    sql.useHandle(h -> h.execute("update model set claimed_at = now() - interval '11 minutes'"));
    assertThat(modelReuse.claim("e1", TEACHER, "f", Set.of())).isEmpty();
  }

  @Test
  void shouldForgetWhatAModelWasWhenItIsRetriedWithOtherSettings() {
    train("e0", "f");
    models.recordRetry("e0", TEACHER, TrainingOverrides.NONE, 10);
    assertThat(modelReuse.trained("e1", "f")).isEmpty();
    assertThat(modelReuse.claim("e1", TEACHER, "f", Set.of())).isEmpty();
  }

  @Test
  void shouldTakeNothingOverFromAnotherProject() {
    train("e0", "f");
    sql.useHandle(h -> h.execute("update experiment set project = 'other' where id = 'e1'"));
    assertThat(modelReuse.trained("e1", "f")).isEmpty();
    assertThat(modelReuse.claim("e1", TEACHER, "f", Set.of())).isEmpty();
    assertThat(modelReuse.trained("e2", "f")).as("negative control").hasSize(1);
    assertThat(modelReuse.claim("e2", TEACHER, "f", Set.of()))
        .contains(new Elsewhere("e0", TEACHER));
  }

  @Test
  void shouldTellOfATakeOverOnceHoweverOftenItIsRecorded() {
    train("e0", "f");
    Trained twin = modelReuse.trained("e1", "f").get(0);
    modelReuse.recordReused("e1", TEACHER, "f", twin);
    modelReuse.recordReused("e1", TEACHER, "f", twin);
    assertThat(row("e1")).endsWith("e0/manifest.json model-reused");
  }

  @Test
  void shouldTakeOverATrainedModelWithItsFiguresAndItsCheckpoint() {
    train("e0", "f");
    List<Trained> twins = modelReuse.trained("e1", "f");
    assertThat(twins).hasSize(1);
    assertThat(twins.get(0).lastCheckpoint().manifestKey()).isEqualTo("e0/manifest.json");

    modelReuse.recordReused("e1", TEACHER, "f", twins.get(0));
    assertThat(row("e1")).isEqualTo("DONE 100 1110000 e0 e0/manifest.json model-reused");
    // A copy is no source: its objects go when the original goes.
    assertThat(modelReuse.trained("e2", "f"))
        .extracting(Trained::experimentId)
        .containsExactly("e0");
  }

  @Test
  void shouldTrainAgainWhenTheObjectsOfTheTrainedModelAreGone() {
    train("e0", "f");
    Trained twin = modelReuse.trained("e1", "f").get(0);
    assertThat(modelReuse.claim("e1", TEACHER, "f", Set.of()))
        .isPresent(); // just trained: look again
    assertThat(modelReuse.claim("e1", TEACHER, "f", Set.of(twin.modelId()))).isEmpty();
  }

  @Test
  void shouldFindNothingOfItsOwnOrOfAnotherFingerprint() {
    train("e0", "f");
    assertThat(modelReuse.trained("e0", "f")).isEmpty();
    assertThat(modelReuse.trained("e1", "g")).isEmpty();
  }

  @Test
  void shouldTakeOverTheFiguresAndTheGridOfAnEqualSubject() {
    evaluations.record(
        "e0",
        new Evaluation(
            "teacher",
            "Fréchet distance",
            7.5,
            Optional.of(64e6),
            9,
            25,
            1 << 20,
            "{}",
            Map.of("kid", 0.5),
            Optional.of(36L)));
    artifacts.record(
        "e0",
        new Artifact("samples-teacher.png", ArtifactKind.GRID, "e0/grid", "image/png", 9, "abc"));
    artifacts.record(
        "e0",
        new Artifact(
            "trajectory-teacher.png", ArtifactKind.TRAJECTORY, "e0/way", "image/png", 9, "d"));
    artifacts.record(
        "e0",
        new Artifact("samples-o2mkd.png", ArtifactKind.GRID, "e0/other", "image/png", 9, "e"));
    evaluationReuse.recordEvaluated("e0", "teacher", "f");

    assertThat(evaluationReuse.evaluations("e1", "teacher", "other")).isEmpty();
    assertThat(evaluationReuse.evaluations("e1", "o2mkd", "f")).isEmpty();
    List<MeasuredElsewhere> found = evaluationReuse.evaluations("e1", "teacher", "f");
    assertThat(found).extracting(MeasuredElsewhere::experimentId).containsExactly("e0");
    assertThat(found.get(0).pictureKeys()).containsExactlyInAnyOrder("e0/grid", "e0/way");
    assertThat(evaluationReuse.takeOverEvaluation("e1", "teacher", found.get(0))).contains(7.5);
    assertThat(evaluationReuse.takeOverEvaluation("e1", "teacher", found.get(0)))
        .contains(7.5); // answer lost
    assertThat(events("e1"))
        .containsExactly(
            "evaluation-reused: teacher: experiment e0 has measured the same models in the same way");
    // A copy is no source: its pictures go when the original goes.
    assertThat(evaluationReuse.evaluations("e2", "teacher", "f"))
        .extracting(MeasuredElsewhere::experimentId)
        .containsExactly("e0");
    sql.useHandle(h -> h.execute("update experiment set project = 'other' where id = 'e3'"));
    assertThat(evaluationReuse.evaluations("e3", "teacher", "f")).isEmpty();
    assertThat(evaluations.of("e1")).isEqualTo(evaluations.of("e0"));
    List<String> grids =
        sql.withHandle(
            h ->
                h.createQuery("select object_key from artifact where experiment_id = 'e1'")
                    .mapTo(String.class)
                    .list());
    assertThat(grids).containsExactlyInAnyOrder("e0/grid", "e0/way");
  }

  @Test
  void shouldLetOneOfSeveralExperimentsMeasureFiguresThatAllWant() {
    sql.useHandle(h -> h.execute("update experiment set stage = 'EVALUATING'"));
    assertThat(evaluationReuse.claimEvaluation("e0", "teacher", "f")).isEmpty();
    assertThat(evaluationReuse.claimEvaluation("e0", "teacher", "f"))
        .as("its answer was lost")
        .isEmpty();
    assertThat(evaluationReuse.claimEvaluation("e1", "teacher", "f")).contains("e0");
    assertThat(evaluationReuse.claimEvaluation("e1", "teacher", "other")).isEmpty();
    assertThat(evaluationReuse.claimEvaluation("e1", "o2mkd", "f")).isEmpty();
    sql.useHandle(h -> h.execute("update experiment set project = 'other' where id = 'e2'"));
    assertThat(evaluationReuse.claimEvaluation("e2", "teacher", "f")).isEmpty();

    evaluationReuse.recordEvaluated("e0", "teacher", "f");
    assertThat(evaluationReuse.claimEvaluation("e3", "teacher", "f")).isEmpty();
  }

  @Test
  void shouldFreeFiguresWhenTheirClaimantJudgesNoLonger() {
    sql.useHandle(h -> h.execute("update experiment set stage = 'EVALUATING'"));
    evaluationReuse.claimEvaluation("e0", "teacher", "f");
    experiments.recordStage("e0", Stage.AWAITING_RETRY, "INTERNAL", "It failed.");
    assertThat(evaluationReuse.claimEvaluation("e1", "teacher", "f")).isEmpty();

    // It judges again and finds the other one at work, which in turn does not wait for it.
    experiments.recordStage("e0", Stage.EVALUATING, "", "");
    assertThat(evaluationReuse.claimEvaluation("e0", "teacher", "f")).contains("e1");
    assertThat(evaluationReuse.claimEvaluation("e1", "teacher", "f")).isEmpty();
  }

  @Test
  void shouldWaitTenMinutesForFiguresThatNoWorkerHasBegunWith() {
    sql.useHandle(h -> h.execute("update experiment set stage = 'EVALUATING'"));
    String longAgo = "update work_claim set claimed_at = now() - interval '11 minutes'";
    evaluationReuse.claimEvaluation("e0", "teacher", "f");
    evaluationReuse.beginEvaluation("e0", "teacher");
    sql.useHandle(h -> h.execute(longAgo));
    assertThat(evaluationReuse.claimEvaluation("e1", "teacher", "f")).contains("e0");

    evaluationReuse.claimEvaluation("e0", "teacher", "f");
    sql.useHandle(h -> h.execute(longAgo));
    assertThat(evaluationReuse.claimEvaluation("e1", "teacher", "f")).isEmpty();
  }

  @Test
  void shouldLetOneOfSeveralExperimentsPrepareADatasetThatAllWant() {
    assertThat(datasetReuse.claimDataset("e0", "f")).isEmpty();
    assertThat(datasetReuse.claimDataset("e1", "f")).contains("e0");
    experiments.recordStage("e0", Stage.FAILED, "DATASET_CORRUPT", "It is damaged.");
    assertThat(datasetReuse.claimDataset("e1", "f")).isEmpty();
  }

  @Test
  void shouldTakeOverADatasetWithWhatWasSaidOfIt() {
    DatasetRef dataset = new DatasetRef("abc", 10, 16, 3, 1, 2);
    experiments.recordDataset("e0", dataset);
    events.record("e0", EventKind.IMAGES_SKIPPED, "1 image");
    assertThat(datasetReuse.datasets("e1", "f")).isEmpty();
    datasetReuse.recordPrepared("e0", "f");
    sql.useHandle(h -> h.execute("update experiment set project = 'other' where id = 'e2'"));
    assertThat(datasetReuse.datasets("e2", "f")).isEmpty();
    assertThat(datasetReuse.datasets("e0", "f")).isEmpty();

    PreparedElsewhere twin = new PreparedElsewhere("e0", dataset);
    assertThat(datasetReuse.datasets("e1", "f")).containsExactly(twin);
    datasetReuse.recordReused("e1", twin);
    datasetReuse.recordReused("e1", twin); // an answer was lost
    assertThat(events("e1"))
        .containsExactly(
            "images-skipped: 1 image",
            "dataset-reused: experiment e0 has prepared the same images");
    assertThat(datasetReuse.datasets("e3", "f")).as("the same content, once").containsExactly(twin);
  }

  private static List<String> events(String experimentId) {
    return sql.withHandle(
        h ->
            h.createQuery(
                    "select kind || ': ' || detail from event where experiment_id = ? order by id")
                .bind(0, experimentId)
                .mapTo(String.class)
                .list());
  }

  private static void train(String experimentId, String fingerprint) {
    modelReuse.claim(experimentId, TEACHER, fingerprint, Set.of());
    Attempt attempt =
        attempts.start(experimentId, TEACHER, 100, 1_110_000, Optional.of(64L), "worker");
    checkpoints.record(attempt, 50, experimentId + "/half.json", "a".repeat(64), 1);
    checkpoints.record(attempt, 100, experimentId + "/manifest.json", "b".repeat(64), 1);
    attempts.recordDone(experimentId, TEACHER, attempt);
  }

  private static String row(String experimentId) {
    return sql.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select concat_ws(' ', m.state, m.step, m.parameters, s.experiment_id,
                      (select string_agg(manifest_key, ' ') from checkpoint where model_id = m.id),
                      (select string_agg(kind, ' ') from event where experiment_id = m.experiment_id))
                    from model m join model s on s.id = m.reused_from
                    where m.experiment_id = :id
                    """)
                .bind("id", experimentId)
                .mapTo(String.class)
                .one());
  }
}
