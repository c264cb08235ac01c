package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Checkpoint;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints on a real S3 server and a real Postgres. */
class S3CheckpointStoreTest {

  private static final ModelKey STUDENT = ModelKey.student(1);
  private static final String PREFIX = ExperimentKeys.checkpoints("e", STUDENT);

  private static EmbeddedPostgres postgres;
  static S3ServerProcess server; // a subclass may put another one in its place
  private static CheckpointHistory checkpoints;
  private static EventHistory events;
  private static AttemptHistory attempts;

  @TempDir Path directory;

  @BeforeAll
  static void start(@TempDir Path data) throws Exception {
    postgres = EmbeddedPostgres.start();
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).load().migrate();
    checkpoints = new CheckpointHistory(postgres.getPostgresDatabase());
    events = new EventHistory(postgres.getPostgresDatabase());
    attempts = new AttemptHistory(postgres.getPostgresDatabase());
    server = S3ServerProcess.s3Proxy(data);
  }

  @AfterAll
  static void stop() throws Exception {
    server.close();
    postgres.close();
  }

  @BeforeEach
  void insertExperiment() {
    server.store().list(PREFIX).forEach(server.store()::delete);
    Jdbi.create(postgres.getPostgresDatabase())
        .useHandle(
            handle -> {
              handle.execute("delete from experiment");
              handle.execute(
                  """
                  insert into experiment (id, name, spec, stage)
                  values ('e', 'e', '{}', 'TRAINING_STUDENTS')
                  """);
              handle.execute(
                  """
                  insert into model (experiment_id, key, position, range_low, range_high, state,
                      total_steps)
                  values ('e', 'student-1', 1, 0, 1000, 'PENDING', 100)
                  """);
            });
  }

  @Test
  void shouldLoadTheNewestCheckpointAndKeepOnlyTheOneBeforeIt() throws IOException {
    S3CheckpointStore store = newAttempt();
    assertThat(store.latest()).isEmpty();
    for (int step : List.of(10, 20, 30)) {
      store.save(checkpoint(step));
    }

    Checkpoint loaded = newAttempt().latest().orElseThrow();
    assertThat(loaded.step()).isEqualTo(30);
    assertThat(loaded.specHash()).isEqualTo("spec");
    assertThat(loaded.file(CheckpointPart.EMA)).hasContent("EMA at step 30");
    assertThat(server.store().list(PREFIX))
        .hasSize(2 * 5 + 1) // four files and a manifest each, and latest
        .noneMatch(key -> key.contains("000000010-"));
  }

  @Test
  void shouldFallBackToThePreviousCheckpointWhenTheNewestIsCorrupt() throws IOException {
    S3CheckpointStore store = newAttempt();
    store.save(checkpoint(10));
    store.save(checkpoint(20));
    damage("000000020", "ema.safetensors");

    assertThat(newAttempt().latest().orElseThrow().step()).isEqualTo(10);
  }

  @Test
  void shouldFallBackWhenTheNewestManifestOrAnObjectIsGone() throws IOException {
    S3CheckpointStore store = newAttempt();
    store.save(checkpoint(10));
    store.save(checkpoint(20));
    server.store().delete(key("000000020", "exp_avg.safetensors"));
    assertThat(newAttempt().latest().orElseThrow().step()).isEqualTo(10);

    store = newAttempt();
    store.save(checkpoint(30));
    server.store().delete(key("000000030", "manifest.json"));
    assertThat(newAttempt().latest().orElseThrow().step()).isEqualTo(10);
  }

  @Test
  void shouldSayWhatIsWrongWhenNoCheckpointIsWhole() throws IOException {
    S3CheckpointStore store = newAttempt();
    store.save(checkpoint(10));
    damage("000000010", "weights.safetensors");

    assertThatThrownBy(() -> newAttempt().latest())
        .isInstanceOf(ObjectCorruptException.class)
        .hasMessageContaining("None of 1 checkpoints is whole")
        .hasMessageContaining("weights.safetensors': expected sha256");
  }

  @Test
  void shouldSayThatNobodyCanTrainOnWhenMomentsWereRemoved() throws IOException {
    newAttempt().save(checkpoint(10));
    removeMoments();

    assertThatThrownBy(() -> newAttempt().latest())
        .isInstanceOf(ObjectCorruptException.class)
        .hasMessageContaining("Cannot train on from the checkpoint of step 10")
        .hasMessageContaining("moments-kept-for");
    newAttempt().save(checkpoint(10)); // a training from the start
    assertThat(newAttempt().latest().orElseThrow().step()).isEqualTo(10);
  }

  @Test
  void shouldChangeNothingWhenASupersededAttemptSaves() throws IOException {
    S3CheckpointStore zombie = newAttempt();
    S3CheckpointStore owner = newAttempt();
    owner.save(checkpoint(10));

    assertThatThrownBy(() -> zombie.save(checkpoint(20))).isInstanceOf(SupersededException.class);
    assertThat(newAttempt().latest().orElseThrow().step()).isEqualTo(10);

    // What the zombie left behind goes with the owner's next save.
    owner = newAttempt();
    owner.save(checkpoint(30));
    assertThat(server.store().list(PREFIX)).noneMatch(key -> key.contains("000000020-"));
  }

  @Test
  void shouldLeaveTheObjectsOfANewerAttemptAloneWhenItRemovesOldOnes() throws IOException {
    S3CheckpointStore slow = newAttempt();
    slow.save(checkpoint(10));
    slow.save(checkpoint(20));
    // The objects of a save that a newer attempt has not committed yet.
    String underWay = PREFIX + "000000030-999/weights.safetensors";
    server.store().put(underWay, new byte[] {1}, "application/octet-stream");
    slow.save(checkpoint(30));

    assertThat(server.store().exists(underWay)).isTrue();
    assertThat(server.store().list(PREFIX)).noneMatch(key -> key.contains("000000010-"));
  }

  @Test
  void shouldSayThatBitsDifferWhenTrainingGoesOnInAnotherEnvironment() throws IOException {
    newAttempt(new TrainingEnvironment("cpu", 1, "a processor")).save(checkpoint(10));
    newAttempt(new TrainingEnvironment("cpu", 1, "a processor")).latest();
    assertThat(events("not-bit-identical")).isEmpty();

    newAttempt(new TrainingEnvironment("cpu", 2, "a processor")).latest();
    assertThat(events("not-bit-identical"))
        .containsExactly(
            "student-1 goes on with cpu (a processor) with 2 thread(s) from its checkpoint of step 10, which was trained with cpu (a processor) with 1 thread(s): the result will not be bit-identical to an uninterrupted training's.");
  }

  @Test
  void shouldLoadAManifestThatNamesNoEnvironment() throws IOException {
    S3CheckpointStore store = newAttempt();
    store.save(checkpoint(10));
    String key = key("000000010", "manifest.json");
    String json = new String(server.store().get(key).orElseThrow(), StandardCharsets.UTF_8);
    byte[] older =
        json.replaceFirst("(?s)\"environment\".*?},", "").getBytes(StandardCharsets.UTF_8);
    assertThat(older).hasSizeLessThan(json.length());
    server.store().put(key, older, "application/json");
    checkpoints.record(currentAttempt(), 10, key, Sha256.of(older), 1);

    assertThat(newAttempt().latest().orElseThrow().step()).isEqualTo(10);
    assertThat(events("not-bit-identical")).isEmpty();
  }

  private static void removeMoments() {
    Jdbi.create(postgres.getPostgresDatabase())
        .useHandle(handle -> handle.execute("update checkpoint set moments_removed_at = now()"));
  }

  private static Attempt currentAttempt() {
    return Jdbi.create(postgres.getPostgresDatabase())
        .withHandle(
            handle ->
                handle
                    .createQuery("select id, fence from model where experiment_id = 'e'")
                    .map((row, context) -> new Attempt(row.getLong("id"), row.getLong("fence")))
                    .one());
  }

  @Test
  void shouldKeepTheCheckpointsThatTheExperimentAsksFor() throws IOException {
    Jdbi.create(postgres.getPostgresDatabase())
        .useHandle(
            handle ->
                handle.execute(
                    "update experiment set spec = '{\"retention\": {\"last\": 2, \"everySteps\": 20}}'"));
    S3CheckpointStore store = newAttempt();
    for (int step = 10; step <= 50; step += 10) {
      store.save(checkpoint(step));
    }

    assertThat(stepsInTheStore()).containsExactly(20, 40, 50);
    assertThat(newAttempt().latest().orElseThrow().step()).isEqualTo(50);
  }

  @Test
  void shouldNotRemoveACheckpointThatAnotherModelHasTakenOver() throws IOException {
    S3CheckpointStore store = newAttempt();
    store.save(checkpoint(10));
    Jdbi.create(postgres.getPostgresDatabase())
        .useHandle(
            handle -> {
              handle.execute(
                  """
                  insert into model (experiment_id, key, position, range_low, range_high, state,
                      total_steps)
                  values ('e', 'student-2', 2, 0, 1000, 'DONE', 10)
                  """);
              handle.execute(
                  """
                  insert into checkpoint (model_id, step, manifest_key, manifest_sha256, bytes)
                  select o.id, c.step, c.manifest_key, c.manifest_sha256, c.bytes
                  from checkpoint c, model o where o.key = 'student-2'
                  """);
            });
    for (int step = 20; step <= 50; step += 10) {
      store.save(checkpoint(step));
    }

    assertThat(stepsInTheStore()).containsExactly(10, 40, 50);
  }

  private static List<Integer> stepsInTheStore() {
    return server.store().list(PREFIX).stream()
        .filter(key -> key.endsWith("manifest.json"))
        .map(key -> Integer.valueOf(key.substring(PREFIX.length(), PREFIX.length() + 9)))
        .sorted()
        .toList();
  }

  private static List<String> events(String kind) {
    return Jdbi.create(postgres.getPostgresDatabase())
        .withHandle(
            handle ->
                handle
                    .createQuery("select detail from event where kind = :kind order by id")
                    .bind("kind", kind)
                    .mapTo(String.class)
                    .list());
  }

  private S3CheckpointStore newAttempt() {
    return newAttempt(new TrainingEnvironment("cpu", 1, "a processor"));
  }

  private S3CheckpointStore newAttempt(TrainingEnvironment environment) {
    Attempt attempt = attempts.start("e", STUDENT, 100, 1, Optional.of(1L), "worker");
    return new S3CheckpointStore(
        server.store(),
        checkpoints,
        events,
        "e",
        STUDENT,
        attempt,
        environment,
        directory.resolve("f" + attempt.fence()));
  }

  private Checkpoint checkpoint(int step) throws IOException {
    Path files = Files.createTempDirectory(directory, "checkpoint-");
    Checkpoint checkpoint = new Checkpoint(step, "spec", "code", files);
    for (CheckpointPart part : CheckpointPart.values()) {
      Files.writeString(checkpoint.file(part), part + " at step " + step);
    }
    return checkpoint;
  }

  private static void damage(String step, String file) {
    String key = key(step, file);
    byte[] content = server.store().get(key).orElseThrow();
    content[content.length / 2] ^= 1;
    server.store().put(key, content, "application/octet-stream");
  }

  private static String key(String step, String file) {
    return server.store().list(PREFIX).stream()
        .filter(key -> key.startsWith(PREFIX + step) && key.endsWith("/" + file))
        .findFirst()
        .orElseThrow();
  }
}
