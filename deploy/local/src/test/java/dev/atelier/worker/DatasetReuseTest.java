package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.ShardBytes;
import dev.atelier.spec.BatchSize;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.store.DatasetReuse;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.S3ServerProcess;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.workflows.DatasetActivities;
import dev.atelier.workflows.DatasetActivities.PrepareDataset;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.PassedOver.Reason;
import io.temporal.testing.TestActivityEnvironment;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** StoredDatasets that several experiments want, on a real S3 server and a real Postgres. */
class DatasetReuseTest {

  private static EmbeddedPostgres postgres;
  private static Jdbi sql;
  private static S3ServerProcess server;
  private static ObjectStore store;
  private static TestActivityEnvironment temporal;
  private static DatasetActivities activities;
  private static DatasetReuse reuse;

  @TempDir private static Path data;
  @TempDir private Path images;

  @BeforeAll
  static void start() throws Exception {
    postgres = EmbeddedPostgres.start();
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).load().migrate();
    sql = Jdbi.create(postgres.getPostgresDatabase());
    reuse = new DatasetReuse(postgres.getPostgresDatabase());
    server = S3ServerProcess.s3Proxy(data);
    store = server.store();
    temporal = TestActivityEnvironment.newInstance();
    temporal.registerActivitiesImplementations(
        new Wiring(
                WorkerSettings.below(data),
                store,
                postgres.getPostgresDatabase(),
                new ArtifactCache(data.resolve("cache"), store),
                () -> false,
                new WorkProgress(System::nanoTime))
            .dataset());
    activities = temporal.newActivityStub(DatasetActivities.class);
  }

  @AfterAll
  static void stop() throws Exception {
    temporal.close();
    server.close();
    postgres.close();
  }

  @BeforeEach
  void insertExperiments() throws IOException {
    store.list("datasets/").forEach(store::delete);
    sql.useHandle(
        handle -> {
          handle.execute("delete from experiment");
          for (String id : List.of("a", "b")) {
            handle.execute(
                "insert into experiment (id, name, spec, stage) values (?, 'e', '{}', 'PREPARING_DATASET')",
                id);
          }
        });
    draw("one.png", 0x102030);
    draw("two.png", 0x405060);
    Files.write(images.resolve("broken.png"), new byte[] {1, 2, 3});
  }

  private void draw(String name, int rgb) throws IOException {
    BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, rgb);
    ImageIO.write(image, "png", images.resolve(name).toFile());
  }

  private DatasetRef prepare(String experimentId, Reuse wanted) {
    return activities.prepare(new PrepareDataset(experimentId, spec(0.5), wanted));
  }

  private DatasetSpec spec(double maxLostShare) {
    return new DatasetSpec(images.toString(), "", 8, null, 3, false, null, maxLostShare);
  }

  private static List<String> events(String experimentId) {
    return sql.withHandle(
        handle ->
            handle
                .createQuery("select kind from event where experiment_id = ? order by id")
                .bind(0, experimentId)
                .mapTo(String.class)
                .list());
  }

  @Test
  void shouldSayWhatWasPassedOver() throws IOException {
    Files.writeString(images.resolve("notes.txt"), "no image");
    try {
      assertThat(prepare("a", Reuse.ALLOWED).passedOver())
          .containsExactly(
              new PassedOver(Reason.DAMAGED, 1, List.of("broken.png")),
              new PassedOver(Reason.NO_IMAGE, 1, List.of("notes.txt")));
      assertThat(prepare("b", Reuse.ALLOWED).passedOver()).as("taken over").hasSize(2);
      for (String id : List.of("a", "b")) {
        assertThat(events(id)).startsWith("images-skipped", "files-passed-over");
      }
    } finally {
      Files.delete(images.resolve("notes.txt"));
    }
  }

  @Test
  void shouldRefuseADatasetThatLosesTooMuchThoughAnotherHasTakenIt() {
    prepare("a", Reuse.ALLOWED);
    assertThatThrownBy(() -> activities.prepare(new PrepareDataset("b", spec(0.1), Reuse.ALLOWED)))
        .hasStackTraceContaining("1 of its 3 images are lost, expected at most a share of 0.1");
  }

  @Test
  void shouldRefuseABatchThatIsLargerThanTheDataset() {
    List<BatchSize> fits = List.of(new BatchSize("students.training.batchSize", 2));
    activities.prepare(new PrepareDataset("a", spec(0.5), Reuse.ALLOWED, fits));
    List<BatchSize> larger = List.of(new BatchSize("students.training.batchSize", 3));
    assertThatThrownBy(
            () -> activities.prepare(new PrepareDataset("b", spec(0.5), Reuse.ALLOWED, larger)))
        .hasStackTraceContaining(
            "students.training.batchSize must be at most the 2 images of the dataset, found 3.");
  }

  @Test
  void shouldPrepareTheSameImagesOnce() {
    DatasetRef first = prepare("a", Reuse.ALLOWED);
    assertThat(first.images()).isEqualTo(2);
    assertThat(events("a")).containsExactly("images-skipped");

    assertThat(prepare("b", Reuse.ALLOWED)).isEqualTo(first);
    assertThat(events("b")).containsExactly("images-skipped", "dataset-reused");
    assertThat(prepare("b", Reuse.ALLOWED)).as("its answer was lost").isEqualTo(first);
    assertThat(events("b")).containsExactly("images-skipped", "dataset-reused");
  }

  @Test
  void shouldPrepareShardsOfTheStoreOneByOneAndKnowThemAgain() throws IOException {
    for (int shard = 0; shard < 3; shard++) {
      putShard(shard, 0x10 * shard);
    }
    DatasetSpec spec =
        new DatasetSpec("s3://contract/shards/{0..2}.tar", "", 8, null, 3, true, null, 0.5);
    DatasetRef first = activities.prepare(new PrepareDataset("a", spec, Reuse.ALLOWED));
    assertThat(first.images()).isEqualTo(6);
    assertThat(first.classes()).isEqualTo(2);
    assertThat(first.passedOver())
        .containsExactly(
            new PassedOver(
                Reason.NO_LABEL, 3, List.of("0.tar/none.png", "1.tar/none.png", "2.tar/none.png")));
    assertThat(events("a")).containsExactly("classes-found", "images-skipped");
    try (Stream<Path> kept = Files.walk(data)) {
      assertThat(kept.filter(file -> file.toString().endsWith(".tar")))
          .as("of the server alone")
          .allMatch(file -> file.startsWith(data.resolve("s3")));
    }

    assertThat(activities.prepare(new PrepareDataset("b", spec, Reuse.ALLOWED))).isEqualTo(first);
    assertThat(events("b")).endsWith("dataset-reused");
    putShard(1, 0x77);
    assertThat(activities.prepare(new PrepareDataset("b", spec, Reuse.ALLOWED)).sha256())
        .isNotEqualTo(first.sha256());
  }

  private static void putShard(int number, int rgb) throws IOException {
    try (ShardBytes shard = new ShardBytes()) {
      for (String key : List.of("0", "1", "none")) {
        shard.image(key + ".png", rgb);
        if (!key.equals("none")) {
          shard.text(key + ".cls", key);
        }
      }
      store.put("shards/%d.tar".formatted(number), shard.written(), "application/x-tar");
    }
  }

  @Test
  void shouldPrepareAgainWhatHasChanged() throws IOException {
    DatasetRef first = prepare("a", Reuse.ALLOWED);
    draw("two.png", 0x405061);

    assertThat(prepare("b", Reuse.ALLOWED).sha256()).isNotEqualTo(first.sha256());
    assertThat(events("b")).containsExactly("images-skipped");
  }

  @Test
  void shouldPrepareAgainWhenReuseIsRefused() {
    prepare("a", Reuse.ALLOWED);
    prepare("b", Reuse.NEVER);
    assertThat(events("b")).containsExactly("images-skipped");
  }

  @Test
  void shouldPrepareAgainWhenAnObjectIsGone() {
    DatasetRef first = prepare("a", Reuse.ALLOWED);
    List<String> objects = store.list(ExperimentKeys.dataset(first.sha256()));
    assertThat(objects).hasSize(2);
    for (String object : objects) {
      store.delete(object);
      sql.useHandle(handle -> handle.execute("delete from event"));
      assertThat(prepare("b", Reuse.ALLOWED)).isEqualTo(first);
      assertThat(events("b")).doesNotContain("dataset-reused");
      assertThat(store.list(ExperimentKeys.dataset(first.sha256()))).isEqualTo(objects);
    }
  }

  @Test
  void shouldWaitForTheExperimentThatPreparesTheSameImages() {
    prepare("a", Reuse.ALLOWED);
    String fingerprint =
        sql.withHandle(
            handle ->
                handle
                    .createQuery("select dataset_fingerprint from experiment where id = 'a'")
                    .mapTo(String.class)
                    .one());
    sql.useHandle(
        handle ->
            handle.execute("update experiment set dataset = null, dataset_fingerprint = null"));
    assertThat(reuse.claimDataset("a", fingerprint)).isEmpty(); // as if it were at it still

    assertThatThrownBy(() -> prepare("b", Reuse.ALLOWED))
        .hasStackTraceContaining("Waits for experiment a, which prepares the same images.");
    prepare("a", Reuse.ALLOWED);
    prepare("b", Reuse.ALLOWED);
    assertThat(events("b")).contains("dataset-reused");
  }
}
