package dev.atelier.evaluation;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.Ensembles;
import dev.atelier.work.LocalFiles;
import dev.atelier.work.Scope;
import dev.atelier.workflows.ClipRef;
import dev.atelier.workflows.EncodedRef;
import dev.atelier.workflows.EvaluationActivities.CombineShards;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.Evaluated;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.PromptsRef;
import dev.atelier.workflows.Protocol;
import dev.atelier.workflows.ProtocolBuilder;
import dev.atelier.workflows.ShardRef;
import dev.atelier.workflows.ShardRef.Cost;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Samples from the models of a subject, shard by shard, and judges it by all of them. Either may be
 * asked for again: what is known is not made again.
 */
public final class Evaluator {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  private final ShardSampler sampler;
  private final Ensembles ensembles;
  private final LocalFiles files;
  private final ShardStore shards;
  private final FigureStore figures;
  private final String codeVersion;

  /**
   * @param codeVersion of the code that decides figures, for their protocol
   */
  public Evaluator(
      ShardSampler sampler,
      Ensembles ensembles,
      LocalFiles files,
      ShardStore shards,
      FigureStore figures,
      String codeVersion) {
    this.sampler = sampler;
    this.ensembles = ensembles;
    this.files = files;
    this.shards = shards;
    this.figures = figures;
    this.codeVersion = codeVersion;
  }

  /** Samples a shard and keeps its features. */
  public ShardRef sample(SampleShard task, Scope scope) throws IOException {
    EvaluationInputs inputs = inputs(task.subject());
    Optional<ShardRef> known = shards.find(task, inputs);
    if (known.isPresent()) {
      return known.get();
    }
    figures.begin(task.subject());
    sampler.device().use();
    return shards.keep(task, inputs, sampler.sample(task, inputs, scope));
  }

  /** Computes and records every figure of a subject, and discards its shards. */
  public Evaluated combine(CombineShards task, Scope scope) throws IOException {
    Evaluate subject = task.subject();
    EvaluationInputs inputs = inputs(subject);
    Optional<Double> distance = alreadyCombined(task, inputs);
    if (distance.isEmpty()) {
      sampler.device().use();
      Comparison comparison = compare(task, scope);
      figures.record(subject, inputs, evaluation(task, comparison));
      distance = Optional.of(comparison.distance());
    }
    shards.discard(subject);
    return new Evaluated(subject.subject(), distance.get());
  }

  private EvaluationInputs inputs(Evaluate subject) {
    return EvaluationInputs.of(subject, ensembles.read(subject.models()));
  }

  /** Shards are deleted once the figures are stored: an attempt before this one came so far. */
  private Optional<Double> alreadyCombined(CombineShards task, EvaluationInputs inputs) {
    return task.shards().stream().allMatch(shards::has)
        ? Optional.empty()
        : figures.known(task.subject(), inputs);
  }

  private Comparison compare(CombineShards task, Scope scope) throws IOException {
    Evaluate subject = task.subject();
    return ShardComparison.of(
        task.shards(),
        shard -> {
          scope.stopIfAsked();
          scope.describe("comparing the images from number %d on".formatted(shard.first()));
          Path file = scope.path().resolve("shard.safetensors");
          shards.fetch(shard, file);
          return file;
        },
        ShardComparison.reference(files, subject.evaluation(), subject.reference()),
        ShardComparison.clipReference(files, subject.reference()),
        subject.evaluation());
  }

  private Evaluation evaluation(CombineShards task, Comparison comparison)
      throws JsonProcessingException {
    List<ShardRef> sampled = task.shards();
    Cost cost = sampled.stream().flatMap(shard -> shard.cost().stream()).findFirst().orElseThrow();
    double seconds = sampled.stream().mapToDouble(ShardRef::seconds).sum();
    int timedImages = sampled.stream().mapToInt(ShardRef::timedImages).sum();
    Protocol protocol = protocol(task.subject(), comparison);
    return new Evaluation(
        task.subject().subject().word(),
        protocol.metric(),
        comparison.distance(),
        cost.macsPerStep(),
        cost.parameters(),
        timedImages / seconds,
        cost.peakBytes().orElse(0L),
        JSON.writeValueAsString(protocol),
        comparison.byKey(),
        cost.weightsBytes());
  }

  private static Protocol.Clip clip(ClipRef model, ClipComparison measured) {
    return new Protocol.Clip(
        model.name(),
        model.sha256(),
        ClipDistance.ESTIMATOR,
        measured.samples(),
        measured.referenceImages());
  }

  /** Of what the prompts were drawn from, where models read some. */
  private static Optional<String> promptsSha256(Evaluate task) {
    return task.dataset()
        .encoded()
        .flatMap(EncodedRef::texts)
        .map(
            texts ->
                task.extractor().prompts().map(PromptsRef::sha256).orElse(task.dataset().sha256()));
  }

  private Protocol protocol(Evaluate task, Comparison comparison) {
    EvaluationSpec evaluation = task.evaluation();
    ExtractorRef extractor = task.extractor();
    return ProtocolBuilder.builder()
        .metric(ShardComparison.metricName(extractor, evaluation, task.reference()))
        .extractor(extractor.name())
        .extractorSha256(extractor.sha256())
        .resizeTo(evaluation.extractor().resizeTo())
        .samples(evaluation.samples())
        .referenceImages(task.reference().images())
        .referenceSha256(
            evaluation.reference().isPresent()
                ? task.reference().sha256()
                : task.dataset().sha256())
        .sampler(Optional.of(evaluation.sampler()))
        .seed(Optional.of(evaluation.seed()))
        .codeVersion(codeVersion)
        .resolution(Optional.of(task.dataset().resolution()))
        .normalisation(Optional.of(FeatureExtractor.NORMALISATION))
        .referenceStatisticsSha256(Optional.of(task.reference().sha256()))
        .kernel(comparison.kernel())
        .classScoreSplits(comparison.classScoreSplits())
        .neighbours(comparison.neighbours())
        .classes(
            task.dataset().classes() > 0 ? Optional.of(evaluation.classes()) : Optional.empty())
        .promptsSha256(promptsSha256(task))
        .clip(comparison.clip().map(measured -> clip(extractor.clip().orElseThrow(), measured)))
        .build();
  }
}
