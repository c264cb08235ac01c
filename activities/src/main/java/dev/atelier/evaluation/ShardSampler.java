package dev.atelier.evaluation;

import dev.atelier.dataset.Datasets;
import dev.atelier.evaluation.SamplingMemory.Measured;
import dev.atelier.evaluation.SamplingSpace.PartsFolder;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.Device;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.training.Models;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.work.Notices;
import dev.atelier.work.Scope;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities.Evaluate;
import dev.atelier.workflows.EvaluationActivities.SampleShard;
import dev.atelier.workflows.ShardRef.Cost;
import dev.atelier.workflows.vocabulary.EventKind;
import io.micrometer.core.instrument.Metrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Samples shards; the first of a subject also shows it and says what it costs. */
public record ShardSampler(
    Device device,
    Models models,
    Datasets datasets,
    Extractors extractors,
    ExperimentFiles files,
    Notices notices) {

  SampledShard sample(SampleShard task, EvaluationInputs inputs, Scope scope) throws IOException {
    List<OwnedModel> owned = ShardSampling.models(inputs, models, device.form(), scope.path());
    Optional<Measured> memory =
        isFirst(task) ? measureMemory(task.subject(), owned, scope) : Optional.empty();
    try (ShardSampling sampling = sampling(inputs, owned, scope);
        FeatureExtractor extractor = extractor(task.subject());
        LoadedClip clip =
            new LoadedClip(extractors.clip(task.subject().extractor(), scope.path()))) {
      if (isFirst(task)) {
        sayIfInTurn(task.subject(), owned.size(), sampling);
        SubjectPictures pictures = new SubjectPictures(files);
        pictures.keepGrid(task.subject(), sampling, scope);
        pictures.keepTrajectory(task.subject(), sampling, scope);
      }
      SamplingSpeed speed = new SamplingSpeed(task.images(), isFirst(task));
      Path file = scope.path().resolve("shard.safetensors");
      features(task, sampling, extractor, clip.judge(), speed, scope).write(file);
      Optional<Cost> cost =
          isFirst(task) ? Optional.of(cost(inputs, sampling, memory)) : Optional.empty();
      return new SampledShard(file, speed.timedImages(), speed.seconds(), cost);
    }
  }

  /** A CLIP model that is closed, where there is one. */
  private record LoadedClip(Optional<ClipJudge> judge) implements AutoCloseable {
    @Override
    public void close() {
      judge.ifPresent(ClipJudge::close);
    }
  }

  private void sayIfInTurn(Evaluate subject, int ranges, ShardSampling sampling) {
    if (sampling.sampler().loadsInTurn()) {
      notices.record(
          subject.experimentId(),
          EventKind.MODELS_IN_TURN,
          "%s: the models of its %d ranges don't fit into memory together, and are loaded in turn; images per second include that."
              .formatted(subject.subject().word(), ranges));
    }
  }

  private static boolean isFirst(SampleShard task) {
    return task.first() == 0;
  }

  private ShardSampling sampling(EvaluationInputs inputs, List<OwnedModel> owned, Scope scope)
      throws IOException {
    return new ShardSampling(
        inputs,
        owned,
        SamplingSpace.open(
            datasets,
            inputs.dataset(),
            inputs.evaluation(),
            extractors.prompts(inputs.extractor()),
            device.name(),
            scope.path()),
        device.name(),
        device.memoryForSampling(),
        scope::stops);
  }

  private FeatureExtractor extractor(Evaluate subject) {
    return extractors.open(
        subject.extractor(), subject.evaluation(), subject.dataset().resolution());
  }

  private static FeatureShard features(
      SampleShard task,
      ShardSampling sampling,
      FeatureExtractor extractor,
      Optional<ClipJudge> judge,
      SamplingSpeed speed,
      Scope scope) {
    return sampling.features(
        task.first(),
        task.images(),
        extractor,
        judge,
        (n, report) -> {
          count(n, scope);
          speed.add(n, report.seconds());
          scope.describe(
              "images sampled from number %d on".formatted(task.first()),
              speed.images(),
              task.images());
        });
  }

  /** Counts what was sampled, unless it was to stop. */
  static void count(int images, Scope scope) {
    scope.stopIfAsked();
    Metrics.counter("atelier.sampling.images").increment(images);
  }

  private Cost cost(EvaluationInputs inputs, ShardSampling sampling, Optional<Measured> memory)
      throws IOException {
    return new Cost(
        sampling.sampler().macsPerStep(),
        models.parameters(inputs.models(), inputs.dataset()),
        memory.map(Measured::peakBytes),
        memory.map(Measured::weightsBytes));
  }

  /** Empty when it can't be measured, which an event then says: no reason to lose the figures. */
  private Optional<Measured> measureMemory(Evaluate task, List<OwnedModel> owned, Scope scope) {
    EvaluationSpec evaluation = task.evaluation();
    DatasetRef dataset = task.dataset();
    try {
      return Optional.of(
          SamplingMemory.measure(
              new SamplingMemory.Request(
                  owned,
                  task.diffusion(),
                  evaluation.sampler(),
                  Math.min(evaluation.batchSize(), evaluation.samples()),
                  dataset.channels(),
                  dataset.resolution(),
                  dataset.classes(),
                  PartsFolder.of(datasets, dataset, scope.path()),
                  device.name(),
                  device.threads(),
                  device.memoryForSampling()),
              scope.path(),
              scope::stops));
    } catch (IOException e) {
      scope.stopIfAsked();
      notices.record(
          task.experimentId(),
          EventKind.MEMORY_NOT_MEASURED,
          "%s: %s".formatted(task.subject().word(), e.getMessage()));
      return Optional.empty();
    }
  }
}
