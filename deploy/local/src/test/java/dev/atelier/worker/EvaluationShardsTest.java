package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.FeaturePass;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.evaluation.Reference;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.Shard;
import dev.atelier.spec.EvaluationSpecBuilder;
import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.EvaluationHistory;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.S3ServerProcess;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EnsembleActivities;
import dev.atelier.workflows.EnsembleActivities.DiscardShards;
import dev.atelier.workflows.EnsembleActivities.KeepModels;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.EvaluationActivities;
import dev.atelier.workflows.EvaluationActivities.CombineShards;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.ReuseActivities;
import dev.atelier.workflows.ShardRef;
import dev.atelier.workflows.StatisticsRef;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import dev.atelier.workflows.vocabulary.Subject;
import io.temporal.failure.ActivityFailure;
import io.temporal.testing.TestActivityEnvironment;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sampling shards on a real S3 server and a real Postgres. */
class EvaluationShardsTest {

  private static final int SAMPLES = 90;
  private static final DatasetRef DATASET = new DatasetRef("d".repeat(64), 100, 8, 3, 0, 0);

  private static EmbeddedPostgres postgres;
  private static S3ServerProcess server;
  private static ObjectStore store;
  private static EvaluationHistory evaluations;
  private static TestActivityEnvironment temporal;
  private static EvaluationActivities activities;
  private static ReuseActivities reuse;
  private static EnsembleActivities ensembles;
  private static EnsembleRef models;
  private static ExtractorRef extractor;
  private static StatisticsRef reference;

  @BeforeAll
  static void start(@TempDir Path data) throws Exception {
    postgres = EmbeddedPostgres.start();
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).load().migrate();
    evaluations = new EvaluationHistory(postgres.getPostgresDatabase());
    server = S3ServerProcess.s3Proxy(data);
    store = server.store();
    ArtifactCache cache = new ArtifactCache(data.resolve("cache"), store);
    temporal = TestActivityEnvironment.newInstance();
    Wiring wiring =
        new Wiring(
            WorkerSettings.below(data),
            store,
            postgres.getPostgresDatabase(),
            cache,
            () -> false,
            new WorkProgress(System::nanoTime));
    temporal.registerActivitiesImplementations(wiring.evaluation(), wiring.reuse());
    activities = temporal.newActivityStub(EvaluationActivities.class);
    reuse = temporal.newActivityStub(ReuseActivities.class);
    ensembles = wiring.ensemble();
    models =
        new EnsembleRef(
            List.of(
                ensembles.keepModels(new KeepModels("e", List.of(model(data, 1, 0, 40)))),
                ensembles.keepModels(new KeepModels("e", List.of(model(data, 2, 40, 100))))));
    extractor = extractor(data);
    reference = reference(data);
  }

  @AfterAll
  static void stop() throws Exception {
    temporal.close();
    server.close();
    postgres.close();
  }

  @BeforeEach
  void insertExperiment() {
    Jdbi.create(postgres.getPostgresDatabase())
        .useHandle(
            handle -> {
              handle.execute("delete from experiment");
              for (String id : List.of("e", "f")) {
                handle.execute(
                    "insert into experiment (id, name, spec, stage) values (?, 'e', '{}', 'EVALUATING')",
                    id);
              }
            });
  }

  private static ModelRef model(Path directory, int k, int low, int high) throws Exception {
    NetworkSpec spec = new NetworkSpec(8, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty());
    Path file = directory.resolve(k + "-" + CheckpointPart.EMA.fileName());
    SafetensorsFile.write(
        file, Network.of(spec, 8, 3).initialise(new SeededRandom(k)), Map.of("part", "ema"));
    String key =
        ExperimentKeys.checkpoints("e", ModelKey.student(k)) + CheckpointPart.EMA.fileName();
    store.put(key, file, "application/octet-stream");
    byte[] manifest =
        new CheckpointManifest(
                1,
                "spec",
                "version",
                Optional.empty(),
                List.of(
                    new StoredFile(
                        CheckpointPart.EMA.fileName(), key, Sha256.of(file), Files.size(file))))
            .toJson();
    store.put(key + ".json", manifest, "application/json");
    return new ModelRef(
        ModelKey.student(k),
        Optional.of(spec),
        new TimestepRange(low, high),
        key + ".json",
        Sha256.of(manifest),
        1);
  }

  /** Six features and three logits. */
  private static ExtractorRef extractor(Path directory) throws Exception {
    Path file = directory.resolve("network.pt");
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "Network",
            """
            def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
              mean = torch.mean(x, [2, 3])
              features = torch.cat([mean, torch.std(x, [2, 3], False)], 1)
              return (features, torch.div(mean, 20.))
            """,
            Map.of()));
    String sha256 = Sha256.of(file);
    store.put(ExperimentKeys.extractor(sha256), file, "application/octet-stream");
    return new ExtractorRef("network.pt", ExperimentKeys.extractor(sha256), sha256);
  }

  private static StatisticsRef reference(Path directory) throws Exception {
    byte[] images = new byte[100 * 3 * 8 * 8];
    new Random(1).nextBytes(images);
    Path file = directory.resolve("statistics.safetensors");
    try (FeatureExtractor network =
            FeatureExtractor.open(
                directory.resolve("network.pt"),
                extractor.name(),
                extractor.sha256(),
                Optional.empty(),
                8,
                "cpu");
        LinearAlgebra algebra = new LinearAlgebra()) {
      FeaturePass pass = FeaturePass.ofReference(100, network, algebra);
      pass.add(images, 100, 3, 8);
      Reference.of(pass.result()).write(file);
    }
    String sha256 = Sha256.of(file);
    store.put(ExperimentKeys.statistics(sha256), file, "application/octet-stream");
    return new StatisticsRef(ExperimentKeys.statistics(sha256), sha256, 100);
  }

  private static Evaluate subject(int samplesPerShard) {
    return subject("e", samplesPerShard, Reuse.NEVER);
  }

  private static Evaluate subject(String experimentId, int samplesPerShard, Reuse wanted) {
    EvaluationSpec evaluation =
        EvaluationSpecBuilder.builder()
            .samples(SAMPLES)
            .batchSize(8)
            .seed(3L)
            .sampler(new SamplerSpec(null, 3, SamplerSpec.Spacing.UNIFORM, null))
            .gridRows(2)
            .gridColumns(2)
            .samplesPerShard(Optional.of(samplesPerShard))
            .build();
    return new Evaluate(
        experimentId,
        Subject.O2MKD,
        DATASET,
        DiffusionSpecBuilder.builder().timesteps(100).build(),
        evaluation,
        extractor,
        reference,
        models,
        wanted);
  }

  private static List<ShardRef> sample(Evaluate subject) {
    List<ShardRef> shards = new ArrayList<>();
    for (Shard shard : subject.evaluation().shards()) {
      shards.add(activities.sampleShard(new SampleShard(subject, shard.first(), shard.images())));
    }
    return shards;
  }

  private static Evaluation stored() {
    return evaluations.of("e").get(0);
  }

  private static List<String> shardObjects() {
    return store.list(ExperimentKeys.shards("e"));
  }

  @Test
  void shouldStoreTheFiguresAndDeleteTheShards() {
    Evaluate subject = subject(50);
    Evaluated figures = activities.combineShards(new CombineShards(subject, sample(subject)));
    assertThat(stored().distance()).isEqualTo(figures.distance());
    assertThat(stored().metrics()).containsKeys("kernelDistance", "classScore", "precision");
    assertThat(shardObjects()).isEmpty();
  }

  @Test
  void shouldSampleAShardOnceWhenItsAnswerIsLostAndAgainWhenItsObjectIs() {
    Evaluate subject = subject(40);
    List<ShardRef> shards = sample(subject);
    assertThat(sample(subject)).isEqualTo(shards); // its time too: it was not sampled again

    store.delete(shards.get(1).objectKey());
    List<ShardRef> again = sample(subject);
    assertThat(again.get(0)).isEqualTo(shards.get(0));
    assertThat(again.get(1).sha256()).isEqualTo(shards.get(1).sha256());
    assertThat(again.get(1).seconds()).isNotEqualTo(shards.get(1).seconds());

    ensembles.discardShards(new DiscardShards("e"));
    assertThat(shardObjects()).isEmpty();
  }

  @Test
  void shouldAnswerAgainWhenTheShardsAreCombinedAndTheAnswerIsLost() {
    Evaluate subject = subject(50);
    CombineShards task = new CombineShards(subject, sample(subject));
    Evaluated first = activities.combineShards(task);

    assertThat(activities.combineShards(task)).isEqualTo(first);
  }

  @Test
  void shouldRefuseAShardThatIsNotWhatWasSampled() {
    Evaluate subject = subject(50);
    List<ShardRef> shards = sample(subject);
    store.put(shards.get(1).objectKey(), new byte[] {1}, "application/octet-stream");

    assertThatThrownBy(() -> activities.combineShards(new CombineShards(subject, shards)))
        .isInstanceOf(ActivityFailure.class)
        .hasStackTraceContaining("expected sha256 " + shards.get(1).sha256());
    assertThat(evaluations.of("e")).isEmpty();
    ensembles.discardShards(new DiscardShards("e"));
  }

  @Test
  void shouldMeasureTheFiguresOfEqualModelsOnceWhoeverAsksFirst() {
    Evaluate first = subject("e", 50, Reuse.ALLOWED);
    Evaluate second = subject("f", 30, Reuse.ALLOWED); // in other shards: the same figures
    assertThat(reuse.findEvaluation(first).evaluated()).isEmpty();
    assertThatThrownBy(() -> reuse.findEvaluation(second))
        .hasStackTraceContaining("Waits for experiment e, which measures the figures of o2mkd");
    assertThat(reuse.findEvaluation(subject("f", 50, Reuse.NEVER)).evaluated()).isEmpty();

    Evaluated figures = activities.combineShards(new CombineShards(first, sample(first)));
    assertThat(reuse.findEvaluation(subject("f", 50, Reuse.NEVER)).evaluated()).isEmpty();
    assertThat(reuse.findEvaluation(second).evaluated()).contains(figures);
    assertThat(evaluations.of("f")).isEqualTo(evaluations.of("e"));
  }

  @Test
  void shouldMeasureAgainWhenAPictureOfTheKnownFiguresIsGone() {
    Evaluate first = subject("e", 50, Reuse.ALLOWED);
    activities.combineShards(new CombineShards(first, sample(first)));
    store.delete(ExperimentKeys.samples("e", "samples-o2mkd.png"));

    Evaluate second = subject("f", 50, Reuse.ALLOWED);
    assertThat(reuse.findEvaluation(second).evaluated()).isEmpty();
    assertThat(evaluations.of("f")).isEmpty();
  }
}
