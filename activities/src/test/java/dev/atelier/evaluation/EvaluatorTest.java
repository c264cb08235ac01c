package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.ClipFixture;
import dev.atelier.network.Network;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.Shard;
import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.training.Ensembles;
import dev.atelier.training.Models;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.work.LocalScope;
import dev.atelier.workflows.ClipRef;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.EvaluationActivities.CombineShards;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.ObjectRef;
import dev.atelier.workflows.ShardRef;
import dev.atelier.workflows.vocabulary.Subject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shards and figures with a store in memory. */
class EvaluatorTest {

  private static final int SAMPLES = 90;

  @TempDir Path data;
  private final Map<String, byte[]> shards = new HashMap<>();
  private final Map<String, ShardRef> answers = new HashMap<>();
  private final List<Evaluation> figures = new ArrayList<>();
  private final Set<String> pictures = new TreeSet<>();
  private LocalScope scope;
  private Evaluator evaluator;

  @BeforeEach
  void start() throws Exception {
    scope = new LocalScope(Files.createDirectory(data.resolve("work")));
    EvaluationFixture.write(data);
    Extractors extractors =
        new Extractors(EvaluationFixture.CPU, (key, sha256) -> data.resolve(key));
    evaluator =
        new Evaluator(
            new ShardSampler(
                EvaluationFixture.CPU,
                new EvaluationFixture.SeededModels(),
                new EvaluationFixture.NoClasses(),
                extractors,
                new Pictures(),
                (experimentId, kind, sentence) -> {}),
            new TwoStudents(),
            (key, sha256) -> data.resolve(key),
            new MemoryShards(),
            new MemoryFigures(),
            "version");
  }

  @Test
  void shouldGiveTheSameFiguresBitForBitWhateverTheNumberOfShards() throws IOException {
    Evaluate whole = subject(SAMPLES);
    assertThat(whole.evaluation().shards()).hasSize(1);
    Evaluated one = evaluator.combine(new CombineShards(whole, sample(whole)), scope);
    Evaluation expected = figures.get(0);
    assertThat(expected.metrics()).containsKeys("kernelDistance", "classScore", "precision");
    assertThat(expected.imagesPerSecond()).isPositive().isFinite();
    Network network = Models.network(EvaluationFixture.NETWORK, EvaluationFixture.DATASET);
    assertThat(expected.parameters()).isEqualTo(2 * network.parameters());
    assertThat(expected.macsPerStep()).contains((double) network.macs());

    for (int size : List.of(30, 50)) {
      Evaluate sharded = subject(size);
      assertThat(sharded.evaluation().shards()).hasSizeGreaterThan(1);
      assertThat(evaluator.combine(new CombineShards(sharded, sample(sharded)), scope))
          .isEqualTo(one);
      Evaluation again = figures.get(figures.size() - 1);
      assertThat(again.metrics()).isEqualTo(expected.metrics());
      assertThat(again.protocol()).isEqualTo(expected.protocol());
      assertThat(again.macsPerStep()).isEqualTo(expected.macsPerStep());
      assertThat(again.parameters()).isEqualTo(expected.parameters());
    }
    assertThat(shards).isEmpty();
    assertThat(pictures)
        .containsExactly("samples o2mkd", "trajectory o2mkd json", "trajectory o2mkd png");
  }

  @Test
  void shouldMeasureWhatAClipModelTellsWhateverTheNumberOfShards() throws IOException {
    List<Evaluation> found = new ArrayList<>();
    for (int size : List.of(SAMPLES, 30)) {
      Evaluate subject = withClip(subject(size));
      evaluator.combine(new CombineShards(subject, sample(subject)), scope);
      found.add(figures.get(figures.size() - 1));
    }
    assertThat(found.get(0).metrics()).containsKey("clipDistance").doesNotContainKey("clipScore");
    assertThat(found.get(0).metrics().get("clipDistance")).isPositive();
    assertThat(found.get(1).metrics()).isEqualTo(found.get(0).metrics());
    assertThat(found.get(0).protocol())
        .contains(
            "\"clip\":{\"model\":\"tiny\"",
            "\"samples\":%d,\"referenceImages\":3".formatted(SAMPLES));
  }

  /** The same, judged by the fixture's CLIP model beside three images. */
  private Evaluate withClip(Evaluate subject) throws IOException {
    Map<String, ObjectRef> files = new TreeMap<>();
    try (Stream<Path> model = Files.list(ClipFixture.model())) {
      for (Path file : model.toList()) {
        String name = file.getFileName().toString();
        Files.copy(file, data.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        files.put(name, new ObjectRef(name, "0".repeat(64)));
      }
    }
    Files.write(data.resolve("clip.json"), FolderListing.written(files));
    try (ClipJudge judge = ClipJudge.open(ClipFixture.model(), "tiny", "cpu", scope.path())) {
      ClipRows rows = judge.rows(3, false);
      for (int i = 0; i < 3; i++) {
        judge.judge(ClipFixture.picture(16, i), 1, 3, 16, List.of(), rows);
      }
      rows.write(data.resolve("embeddings"));
    }
    ExtractorRef extractor = subject.extractor();
    return new Evaluate(
        subject.experimentId(),
        subject.subject(),
        subject.dataset(),
        subject.diffusion(),
        subject.evaluation(),
        new ExtractorRef(
            extractor.name(),
            extractor.objectKey(),
            extractor.sha256(),
            Optional.of(new ClipRef("tiny", "clip.json", "c".repeat(64))),
            Optional.empty()),
        subject.reference().with(Optional.of(new ObjectRef("embeddings", "b".repeat(64)))),
        subject.models(),
        subject.reuse());
  }

  @Test
  void shouldAnswerWithoutSamplingWhatIsKnown() throws IOException {
    Evaluate subject = subject(SAMPLES);
    List<ShardRef> sampled = sample(subject);
    scope.said().clear();
    assertThat(sample(subject)).isEqualTo(sampled);
    assertThat(scope.said()).isEmpty();

    Evaluated first = evaluator.combine(new CombineShards(subject, sampled), scope);
    assertThat(evaluator.combine(new CombineShards(subject, sampled), scope)).isEqualTo(first);
    assertThat(figures).hasSize(1);
  }

  @Test
  void shouldKeepNothingOfAShardThatWasStopped() {
    scope.stop();
    assertThatThrownBy(() -> evaluator.sample(new SampleShard(subject(SAMPLES), 30, 30), scope))
        .hasMessage("stopped");
    assertThat(shards).isEmpty();
  }

  private List<ShardRef> sample(Evaluate subject) throws IOException {
    List<ShardRef> sampled = new ArrayList<>();
    for (Shard shard : subject.evaluation().shards()) {
      sampled.add(evaluator.sample(new SampleShard(subject, shard.first(), shard.images()), scope));
    }
    return sampled;
  }

  private static Evaluate subject(int samplesPerShard) {
    return new Evaluate(
        "e",
        Subject.O2MKD,
        EvaluationFixture.DATASET,
        new DiffusionSpec(100, null, null, null),
        EvaluationFixture.evaluation(samplesPerShard),
        EvaluationFixture.EXTRACTOR,
        EvaluationFixture.REFERENCE,
        new EnsembleRef(List.of()),
        Reuse.NEVER);
  }

  private static final class TwoStudents implements Ensembles {
    @Override
    public EnsembleRef.Part keep(String experimentId, List<ModelRef> models) {
      throw new UnsupportedOperationException();
    }

    @Override
    public List<ModelRef> read(EnsembleRef ensemble) {
      return List.of(
          EvaluationFixture.model(ModelKey.student(1), 0, 40),
          EvaluationFixture.model(ModelKey.student(2), 40, 100));
    }
  }

  private final class Pictures implements ExperimentFiles {
    @Override
    public void keepSamples(String experimentId, String subject, byte[] png) {
      pictures.add("samples " + subject);
    }

    @Override
    public void keepPrompts(String experimentId, String subject, byte[] json) {
      pictures.add("prompts " + subject);
    }

    @Override
    public void keepTrajectory(
        String experimentId, String subject, String extension, String contentType, byte[] bytes) {
      pictures.add("trajectory " + subject + " " + extension);
    }

    @Override
    public void keepReport(String experimentId, String name, String contentType, byte[] content) {
      throw new UnsupportedOperationException();
    }
  }

  private final class MemoryShards implements ShardStore {
    private static String keyOf(SampleShard task) {
      return task.subject().evaluation().shards() + " " + task.first() + " " + task.images();
    }

    @Override
    public Optional<ShardRef> find(SampleShard task, EvaluationInputs inputs) {
      return Optional.ofNullable(answers.get(keyOf(task))).filter(this::has);
    }

    @Override
    public ShardRef keep(SampleShard task, EvaluationInputs inputs, SampledShard sampled)
        throws IOException {
      byte[] content = Files.readAllBytes(sampled.file());
      shards.put(keyOf(task), content);
      ShardRef shard =
          new ShardRef(
              keyOf(task),
              String.valueOf(Arrays.hashCode(content)),
              task.first(),
              task.images(),
              sampled.timedImages(),
              sampled.seconds(),
              sampled.cost());
      answers.put(keyOf(task), shard);
      return shard;
    }

    @Override
    public boolean has(ShardRef shard) {
      return shards.containsKey(shard.objectKey());
    }

    @Override
    public void fetch(ShardRef shard, Path file) {
      try {
        Files.write(file, shards.get(shard.objectKey()));
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void discard(Evaluate subject) {
      shards.clear();
    }
  }

  private final class MemoryFigures implements FigureStore {
    @Override
    public void begin(Evaluate subject) {}

    @Override
    public Optional<Double> known(Evaluate subject, EvaluationInputs inputs) {
      return figures.stream().map(Evaluation::distance).reduce((first, second) -> second);
    }

    @Override
    public void record(Evaluate subject, EvaluationInputs inputs, Evaluation evaluation) {
      figures.add(evaluation);
    }
  }
}
