package dev.atelier.worker;

import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.FeatureStatistics;
import dev.atelier.evaluation.FrechetDistance;
import dev.atelier.evaluation.Gaussian;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.training.AvailableMemory;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.workflows.MergingActivities.Measure;
import java.io.IOException;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * The Fréchet distance of ensembles that a search tries: over few images, which start from the
 * noise of the evaluation's first ones, so that ensembles differ by their models alone.
 */
final class SampledDistance implements AutoCloseable {

  private final WorkerConfig.Worker config;
  private final Measure with;
  private final int samples;
  private final Gaussian reference;
  private final FeatureExtractor extractor;
  private final LinearAlgebra algebra = new LinearAlgebra();
  private final BooleanSupplier stopRequested;

  /**
   * @param samples images per distance
   * @param stopRequested asked before every step of sampling
   */
  SampledDistance(
      WorkerConfig.Worker config,
      ArtifactCache cache,
      Measure with,
      int samples,
      BooleanSupplier stopRequested)
      throws IOException {
    this.config = config;
    this.with = with;
    this.samples = samples;
    this.stopRequested = stopRequested;
    this.reference =
        ShardComparison.reference(cache, with.evaluation(), with.reference()).gaussian();
    this.extractor =
        FeatureExtractor.open(
            cache.file(with.extractor().objectKey(), with.extractor().sha256()),
            with.extractor().name(),
            with.extractor().sha256(),
            with.evaluation().extractor().resizeTo(),
            with.dataset().resolution(),
            config.device());
  }

  /** The distance of models that own [0, T), in order of their ranges; NaN when it was stopped. */
  double of(List<OwnedModel> models) {
    FeatureStatistics statistics = new FeatureStatistics(extractor.dimension());
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            models,
            with.diffusion(),
            with.evaluation().sampler(),
            with.evaluation().seed(),
            with.dataset().channels(),
            with.dataset().resolution(),
            with.dataset().classes(),
            config.device(),
            AvailableMemory.forSampling(config.samplingMemoryBytes(), config.device()))) {
      sampler.sample(
          0,
          samples,
          with.evaluation().batchSize(),
          (first, n, chw) ->
              statistics.merge(
                  algebra.statistics(
                      extractor.features(
                          chw, n, with.dataset().channels(), with.dataset().resolution()),
                      extractor.dimension())),
          stopRequested);
    }
    return statistics.count() < samples
        ? Double.NaN
        : FrechetDistance.between(statistics.gaussian(), reference, algebra);
  }

  @Override
  public void close() {
    algebra.close();
    extractor.close();
  }
}
