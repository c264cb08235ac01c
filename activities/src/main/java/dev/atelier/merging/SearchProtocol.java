package dev.atelier.merging;

import dev.atelier.evaluation.ShardComparison;
import dev.atelier.spec.EvaluationSpec.Classes;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.MergingActivities.Measure;
import java.util.Optional;

/** How the distances of a search were measured; they compare only with one another. */
record SearchProtocol(
    String metric,
    Estimator estimator,
    String extractorSha256,
    String referenceSha256,
    int samples,
    SamplerSpec sampler,
    long seed,
    Optional<Classes> classes) {

  static SearchProtocol of(Measure with, int samples) {
    return new SearchProtocol(
        ShardComparison.metricName(with.extractor(), with.evaluation(), with.reference()),
        SampledDistance.ESTIMATOR,
        with.extractor().sha256(),
        with.reference().sha256(),
        samples,
        with.evaluation().sampler(),
        with.evaluation().seed(),
        with.dataset().classes() > 0 ? Optional.of(with.evaluation().classes()) : Optional.empty());
  }

  /** What a sentence says of the ranking. */
  static String ranked(int samples) {
    return "ranked by the %s, from %d images each"
        .formatted(SampledDistance.ESTIMATOR.label(), samples);
  }
}
