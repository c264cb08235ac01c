package dev.atelier.merging;

import dev.atelier.dataset.Datasets;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.Extractors;
import dev.atelier.evaluation.ExtrapolatedDistance;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.evaluation.SamplingSpace;
import dev.atelier.evaluation.ShardComparison;
import dev.atelier.training.Device;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.work.LocalFiles;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.MergingActivities.Measure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * The distance of ensembles that a search tries: over few images, which start from the noise of the
 * evaluation's first ones, so that ensembles differ by their models alone.
 */
final class SampledDistance implements AutoCloseable {

  /** What the distance is. */
  static final Estimator ESTIMATOR = Estimator.EXTRAPOLATED_FRECHET;

  private final Device device;
  private final Measure with;
  private final SamplingSpace space;
  private final int samples;
  private final FeatureExtractor extractor;
  private final LinearAlgebra algebra = new LinearAlgebra();
  private final ExtrapolatedDistance distance;
  private final BooleanSupplier stopRequested;

  /**
   * @param field of the spec that sets the samples, for messages
   * @param samples images per distance
   * @param work a directory for files
   * @param stopRequested asked before every step of sampling
   * @throws EvaluationException if so few samples cannot rank
   */
  SampledDistance(
      Device device,
      LocalFiles files,
      Datasets datasets,
      Measure with,
      String field,
      int samples,
      Path work,
      BooleanSupplier stopRequested)
      throws IOException {
    this.device = device;
    this.with = with;
    Extractors extractors = new Extractors(device, files);
    this.space =
        SamplingSpace.open(
            datasets,
            with.dataset(),
            with.evaluation(),
            extractors.prompts(with.extractor()),
            device.name(),
            work);
    this.samples = samples;
    this.stopRequested = stopRequested;
    this.distance =
        new ExtrapolatedDistance(
            ShardComparison.reference(files, with.evaluation(), with.reference()).gaussian(),
            algebra);
    this.extractor =
        extractors.open(with.extractor(), with.evaluation(), with.dataset().resolution());
    try {
      ExtrapolatedDistance.requireEnough(field, samples, extractor.dimension());
    } catch (EvaluationException e) {
      close();
      throw e;
    }
  }

  /** The distance of models that own [0, T), in order of their ranges; NaN when it was stopped. */
  double of(List<OwnedModel> models) {
    ExtrapolatedDistance.Gathering features = distance.gather(samples);
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            models,
            with.diffusion(),
            with.evaluation().sampler(),
            with.evaluation().seed(),
            space.sampled(),
            device.name(),
            device.memoryForSampling())) {
      sampler.sample(
          0,
          samples,
          with.evaluation().batchSize(),
          (first, n, chw) ->
              features.add(
                  extractor.features(
                      chw, n, with.dataset().channels(), with.dataset().resolution())),
          stopRequested);
    }
    return features.complete() ? features.distance() : Double.NaN;
  }

  @Override
  public void close() {
    algebra.close();
    extractor.close();
    space.close();
  }
}
