package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.merging.SearchMemory.Candidate;
import dev.atelier.merging.SearchMemory.Search;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.AttemptHistory.MetricPoint;
import dev.atelier.store.AttemptHistory.Usage;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.StoreSettings;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.training.Checkpoint;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.StartRef;
import dev.atelier.workflows.vocabulary.ArtifactKind;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import dev.atelier.workflows.vocabulary.EventKind;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import javax.sql.DataSource;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Response;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What an experiment writes has one effect, also when a call of the store or the database was
 * carried out and its answer was lost: at each call in turn. As Temporal does, a failed activity is
 * run again from its beginning.
 */
class LostAnswersTest {

  private static final ModelKey FIRST = ModelKey.student(1);
  private static final ModelKey SECOND = ModelKey.student(2);
  private static final int NEVER = -1;

  @TempDir static Path directory;
  private static EmbeddedPostgres postgres;
  private static HikariDataSource pool;
  private static S3ServerProcess server;
  private static Path parts;

  @BeforeAll
  static void start() throws Exception {
    postgres = EmbeddedPostgres.start();
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).load().migrate();
    HikariConfig config = new HikariConfig();
    config.setDataSource(postgres.getPostgresDatabase());
    pool = new HikariDataSource(config);
    server = S3ServerProcess.s3Proxy(directory);
    parts = Files.createDirectory(directory.resolve("parts"));
    for (CheckpointPart part : CheckpointPart.values()) {
      Files.writeString(parts.resolve(part.fileName()), part.toString());
    }
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
    pool.close();
    postgres.close();
  }

  @Test
  void shouldHaveOneEffectWhenTheAnswerOfAnyDatabaseCallIsLost() throws Exception {
    Calls none = new Calls(NEVER);
    List<String> expected = effects(new Calls(NEVER), none);
    assertThat(none.made).isGreaterThan(20);
    for (int site = 0; site < none.made; site++) {
      Calls database = new Calls(site);
      assertThat(effects(new Calls(NEVER), database))
          .as("transaction %d of %d", site, none.made)
          .isEqualTo(expected);
      assertThat(database.made).isGreaterThan(site);
    }
    System.out.printf("One effect at each of %d database calls.%n", none.made);
  }

  @Test
  void shouldHaveOneEffectWhenTheAnswerOfAnyStoreCallIsLost() throws Exception {
    Calls none = new Calls(NEVER);
    List<String> expected = effects(none, new Calls(NEVER));
    assertThat(none.made).isGreaterThan(20);
    for (int site = 0; site < none.made; site++) {
      Calls store = new Calls(site);
      assertThat(effects(store, new Calls(NEVER)))
          .as("request %d of %d", site, none.made)
          .isEqualTo(expected);
      assertThat(store.made).isGreaterThan(site);
    }
    System.out.printf("One effect at each of %d store calls.%n", none.made);
  }

  /** Negative control: a write without a key of its own has two effects, and that is seen. */
  @Test
  void shouldSeeTwoEffectsWhenAWriteCannotBeRepeated() throws Exception {
    Calls lost = new Calls(0);
    EventHistory events = new EventHistory(lost.database(pool));
    insertExperiments();
    untilDone(() -> events.record("a", EventKind.WARNING, "once"));
    assertThat(events()).containsExactly("a warning null once", "a warning null once");
  }

  /** Calls of one kind; the answer of one of them is lost. */
  private static final class Calls {
    private final int lost;
    private int made;

    Calls(int lost) {
      this.lost = lost;
    }

    private boolean answerIsLost() {
      return made++ == lost;
    }

    Interceptor transport() {
      return chain -> {
        Response response = chain.proceed(chain.request());
        if (answerIsLost()) {
          response.close();
          throw new IOException("the answer was lost");
        }
        return response;
      };
    }

    DataSource database(DataSource real) {
      return (DataSource)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {DataSource.class},
              (proxy, method, arguments) -> {
                Object result = call(method, real, arguments);
                return result instanceof Connection connection ? losing(connection) : result;
              });
    }

    private Connection losing(Connection real) {
      return (Connection)
          Proxy.newProxyInstance(
              getClass().getClassLoader(),
              new Class<?>[] {Connection.class},
              (proxy, method, arguments) -> {
                Object result = call(method, real, arguments);
                if (method.getName().equals("commit") && answerIsLost()) {
                  throw new SQLException("the answer was lost", "08006");
                }
                return result;
              });
    }

    private static Object call(Method method, Object target, Object[] arguments) throws Throwable {
      try {
        return method.invoke(target, arguments);
      } catch (InvocationTargetException e) {
        throw e.getCause();
      }
    }
  }

  private interface Activity {
    void run() throws Exception;
  }

  private static void untilDone(Activity activity) throws Exception {
    while (true) {
      try {
        activity.run();
        return;
      } catch (StoreUnavailableException e) {
        // Temporal runs it again
      }
    }
  }

  /** Every write of workers to an experiment and to one that takes its work over. */
  private static List<String> effects(Calls storeCalls, Calls databaseCalls) throws Exception {
    insertExperiments();
    OkHttpClient transport =
        new OkHttpClient.Builder().addInterceptor(storeCalls.transport()).build();
    ObjectStore store =
        new ObjectStore(
            StoreSettings.of(
                server.endpoint(),
                S3ServerProcess.USER,
                S3ServerProcess.PASSWORD,
                S3ServerProcess.BUCKET),
            transport);
    DataSource database = databaseCalls.database(pool);
    ExperimentHistory experiments = new ExperimentHistory(database);
    ModelHistory models = new ModelHistory(database);
    EvaluationHistory evaluations = new EvaluationHistory(database);
    ArtifactHistory artifacts = new ArtifactHistory(database);
    SearchHistory searches = new SearchHistory(database);
    ModelReuse modelReuse = new ModelReuse(database);
    DatasetReuse datasetReuse = new DatasetReuse(database);
    EvaluationReuse evaluationReuse = new EvaluationReuse(database);

    untilDone(
        () -> {
          assertThat(datasetReuse.claimDataset("a", "images")).isEmpty();
          experiments.recordDataset("a", new DatasetRef("abc", 10, 16, 3, 0, 0));
          datasetReuse.recordPrepared("a", "images");
        });
    untilDone(() -> datasetReuse.recordReused("b", datasetReuse.datasets("b", "images").get(0)));
    untilDone(() -> experiments.recordStage("a", Stage.TRAINING_STUDENTS, "", ""));
    untilDone(
        () ->
            models.recordRanges(
                "a", List.of(new TimestepRange(0, 300), new TimestepRange(300, 1000)), "measured"));
    untilDone(() -> assertThat(modelReuse.claim("a", FIRST, "fingerprint", List.of())).isEmpty());
    untilDone(() -> train(store, database, "a", FIRST));
    untilDone(
        () -> {
          String key = ExperimentKeys.start("a", "0");
          if (!store.exists(key)) {
            store.put(key, new byte[] {1}, "application/octet-stream");
          }
          modelReuse.recordStart("a", FIRST, new StartRef(key, "0"));
        });
    untilDone(() -> models.recordFailed("a", SECOND, "DIVERGED", "It diverged."));
    untilDone(() -> models.recordRetry("a", SECOND, TrainingOverrides.NONE, 30));
    untilDone(() -> models.recordTeacherRange("a", SECOND, new TimestepRange(300, 1000)));
    untilDone(() -> assertThat(evaluationReuse.claimEvaluation("a", "o2mkd", "figures")).isEmpty());
    untilDone(() -> evaluationReuse.beginEvaluation("a", "o2mkd"));
    untilDone(
        () -> {
          String key = ExperimentKeys.samples("a", "o2mkd.png");
          store.put(key, new byte[] {2}, "image/png");
          artifacts.record(
              "a", new Artifact("samples-o2mkd.png", ArtifactKind.GRID, key, "p", 1, "2"));
          evaluations.record("a", EVALUATION);
          evaluationReuse.recordEvaluated("a", "o2mkd", "figures");
        });
    untilDone(
        () -> {
          searches.record(
              "a",
              Search.MERGE,
              new Candidate("c", 0, 1.5, Optional.empty(), "[]", Estimator.EXTRAPOLATED_FRECHET));
          searches.recordFrontier("a", Search.MERGE, List.of("c"));
        });
    untilDone(() -> experiments.recordStage("a", Stage.DONE, "", ""));
    untilDone(
        () ->
            modelReuse.recordReused(
                "b", FIRST, "fingerprint", modelReuse.trained("b", "fingerprint").get(0)));
    untilDone(
        () ->
            assertThat(
                    evaluationReuse.takeOverEvaluation(
                        "b", "o2mkd", evaluationReuse.evaluations("b", "o2mkd", "figures").get(0)))
                .contains(7.5));
    untilDone(() -> experiments.recordStage("b", Stage.CANCELED, "", ""));
    return seen();
  }

  private static final Evaluation EVALUATION =
      new Evaluation(
          "o2mkd", "m", 7.5, Optional.of(1.0), 1, 1, 1, "{}", Map.of("a", 1.0), Optional.of(1L));

  private static void train(ObjectStore store, DataSource database, String experiment, ModelKey key)
      throws IOException {
    AttemptHistory attempts = new AttemptHistory(database);
    Attempt attempt = attempts.start(experiment, key, 30, 1, Optional.of(1L), "worker");
    S3CheckpointStore checkpoints =
        new S3CheckpointStore(
            store,
            new CheckpointHistory(database),
            new EventHistory(database),
            experiment,
            key,
            attempt,
            new TrainingEnvironment("cpu", 1, "a processor"),
            directory.resolve("work"));
    int from = checkpoints.latest().map(Checkpoint::step).orElse(0);
    for (int step = from + 10; step <= 30; step += 10) {
      attempts.recordProgress(
          attempt, step, 1, 1, List.of(new MetricPoint("loss", step, 1)), new Usage(from, 1, 0));
      checkpoints.save(new Checkpoint(step, "spec", "code", parts));
    }
    attempts.recordDone(experiment, key, attempt);
  }

  private static void insertExperiments() {
    server.store().list("experiments/").forEach(server.store()::delete);
    Jdbi.create(pool)
        .useHandle(
            handle -> {
              handle.execute("delete from experiment");
              for (String id : List.of("a", "b")) {
                handle.execute(
                    "insert into experiment (id, name, spec, stage) values (?, ?, '{}', 'QUEUED')",
                    id,
                    id);
                List<String> keys = List.of("teacher", "student-1", "student-2");
                for (int i = 0; i < keys.size(); i++) {
                  handle.execute(
                      """
                      insert into model (experiment_id, key, position, range_low, range_high, state,
                          total_steps)
                      values (?, ?, ?, 0, 1000, 'PENDING', 30)
                      """,
                      id,
                      keys.get(i),
                      i);
                }
              }
            });
  }

  /** All rows and objects, without what counts attempts. */
  private static List<String> seen() {
    List<String> seen = new ArrayList<>();
    Jdbi.create(pool)
        .useHandle(
            handle -> {
              for (String query :
                  List.of(
                      "select id, stage, error_type, dataset, dataset_fingerprint from experiment",
                      "select experiment_id, work, fingerprint, begun from work_claim",
                      """
                      select m.experiment_id, m.key, m.range_low, m.range_high, m.state, m.step,
                        m.total_steps, m.overrides, m.error_type, m.fingerprint, m.start_key,
                        s.experiment_id as source, s.key as source_key
                      from model m left join model s on s.id = m.reused_from
                      """,
                      """
                      select experiment_id, key, c.step,
                        regexp_replace(manifest_key, '-[0-9]+/manifest', '/manifest')
                      from checkpoint c join model m on m.id = c.model_id
                      """,
                      """
                      select experiment_id, key, u.series, r.step, u.value
                      from model m join curves c on c.id = m.curves
                      join metric_report r on r.curves = c.id
                      cross join unnest(c.series, r.values) u (series, value)
                      where u.value is not null
                      """,
                      """
                      select experiment_id, subject, distance, metrics, fingerprint, reused_from
                      from evaluation
                      """,
                      "select experiment_id, name, object_key, sha256 from artifact",
                      "select experiment_id, search, name, position, frontier from candidate")) {
                handle
                    .createQuery(query)
                    .mapToMap()
                    .forEach(row -> seen.add(String.valueOf(row.values())));
              }
            });
    seen.sort(null);
    seen.addAll(events());
    seen.addAll(
        new TreeSet<>(
            server.store().list("experiments/").stream()
                .map(key -> key.replaceAll("(/[0-9]{9})-[0-9]+/", "$1/"))
                .toList()));
    return seen;
  }

  /** The audit trail; an attempt more is started and done again, and the trail says so. */
  private static List<String> events() {
    return Jdbi.create(pool)
        .withHandle(
            handle ->
                handle
                    .createQuery(
                        """
                        select experiment_id || ' ' || kind || ' ' || coalesce(model_key, 'null')
                          || ' ' || detail from event
                        where kind not in ('model-started', 'model-done') order by id
                        """)
                    .mapTo(String.class)
                    .list());
  }
}
