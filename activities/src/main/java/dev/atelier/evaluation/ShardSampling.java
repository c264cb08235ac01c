package dev.atelier.evaluation;

import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.training.EnsembleSampler.SamplingReport;
import dev.atelier.training.Models;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;

/** The models of a subject, ready to sample from, and the features of their samples. */
final class ShardSampling implements AutoCloseable {

  private final DatasetRef dataset;
  private final int batchSize;
  private final SamplingSpace space;
  private final EnsembleSampler sampler;
  private final BooleanSupplier stopRequested;

  /**
   * @param space what models see and read; closed with this
   * @param device such as {@code cpu}
   * @param memory bytes that a batch may take; empty: any
   * @param stopRequested asked before every step of sampling
   */
  ShardSampling(
      EvaluationInputs inputs,
      List<OwnedModel> models,
      SamplingSpace space,
      String device,
      OptionalLong memory,
      BooleanSupplier stopRequested) {
    this.dataset = inputs.dataset();
    this.space = space;
    this.batchSize = inputs.evaluation().batchSize();
    this.stopRequested = stopRequested;
    EvaluationSpec evaluation = inputs.evaluation();
    this.sampler =
        new EnsembleSampler(
            models,
            inputs.diffusion(),
            evaluation.sampler(),
            evaluation.seed(),
            space.sampled(),
            device,
            memory);
  }

  /** The models of a subject as archives in {@code work}, in order of their ranges. */
  static List<OwnedModel> models(
      EvaluationInputs inputs, Models models, NetworkForm form, Path work) throws IOException {
    List<OwnedModel> owned = new ArrayList<>();
    Map<String, Path> archives = // by manifest: the teacher may own several ranges
        new HashMap<>(models.sharedArchive(inputs.models(), inputs.dataset(), work, form));
    for (ModelRef model : inputs.models()) {
      Optional<Network> network = Models.network(model, inputs.dataset());
      if (!archives.containsKey(model.manifestKey())) {
        archives.put(model.manifestKey(), models.archive(model, inputs.dataset(), work, form));
      }
      owned.add(
          OwnedModel.of(
              model,
              archives.get(model.manifestKey()),
              network,
              inputs.diffusion(),
              model.guidance(inputs.evaluation(), inputs.distilledGuidance())));
    }
    return owned;
  }

  EnsembleSampler sampler() {
    return sampler;
  }

  /** What samples are to show, where models read it. */
  Optional<Prompts> prompts() {
    return space.prompts();
  }

  /** The prompts of {@code count} samples from {@code first} on; none, where models read none. */
  List<String> prompts(long first, int count) {
    return prompts().map(drawn -> drawn.of(first, count)).orElse(List.of());
  }

  /**
   * Samples of the subject, fewer and with zeros behind them when it was stopped.
   *
   * @param pixels [n, C, H, W] in 0..255
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Samples(byte[] pixels, SamplingReport report) {}

  /** Samples {@code count} images from {@code first} on. */
  Samples sample(int first, int count) {
    int imageBytes = dataset.channels() * dataset.resolution() * dataset.resolution();
    byte[] pixels = new byte[count * imageBytes];
    SamplingReport report =
        sampler.sample(
            first,
            count,
            batchSize,
            (index, n, chw) ->
                System.arraycopy(
                    chw, 0, pixels, Math.toIntExact(index - first) * imageBytes, n * imageBytes),
            stopRequested);
    return new Samples(pixels, report);
  }

  /**
   * Told of every batch, or of all that were sampled together; throws to end the sampling, which a
   * stop makes it do.
   */
  interface Batches {
    void sampled(int images, SamplingReport report);
  }

  /**
   * The features of {@code images} samples from {@code first} on.
   *
   * @param judge tells how much they show their prompts, where there is one
   */
  FeatureShard features(
      int first,
      int images,
      FeatureExtractor extractor,
      Optional<ClipJudge> judge,
      Batches batches) {
    FeatureShard features =
        new FeatureShard(
            images, extractor, judge.map(clip -> clip.rows(images, prompts().isPresent())));
    int together = sampler.together(batchSize);
    for (int done = 0; done < images; done += together) {
      int n = Math.min(together, images - done);
      Samples samples = sample(first + done, n);
      batches.sampled(n, samples.report());
      addInBatches(first + done, samples.pixels(), n, extractor, judge, features);
    }
    return features;
  }

  private void addInBatches(
      int first,
      byte[] pixels,
      int images,
      FeatureExtractor extractor,
      Optional<ClipJudge> judge,
      FeatureShard features) {
    int imageBytes = pixels.length / images;
    for (int from = 0; from < images; from += batchSize) {
      int to = Math.min(images, from + batchSize);
      int n = to - from;
      byte[] batch = Arrays.copyOfRange(pixels, from * imageBytes, to * imageBytes);
      features.add(batch, n, dataset.channels(), dataset.resolution(), extractor);
      List<String> shown = prompts(first + from, n);
      judge.ifPresent(
          clip ->
              clip.judge(
                  batch,
                  n,
                  dataset.channels(),
                  dataset.resolution(),
                  shown,
                  features.clip().orElseThrow()));
    }
  }

  @Override
  public void close() {
    sampler.close();
    space.close();
  }
}
