package dev.atelier.evaluation;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.work.LocalFiles;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ShardRef;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The figures of a subject: its shards as one set of features, beside those of the reference. */
public final class ShardComparison {

  private ShardComparison() {}

  /** Brings the file of a shard; one at a time is read. */
  interface Fetching {
    Path fetch(ShardRef shard) throws IOException;
  }

  static Comparison of(
      List<ShardRef> shards, Fetching files, Reference reference, EvaluationSpec evaluation)
      throws IOException {
    try (LinearAlgebra algebra = new LinearAlgebra()) {
      Optional<FeatureAccumulator> measured = Optional.empty();
      for (ShardRef shard : shards) {
        FeatureShard features = FeatureShard.read(files.fetch(shard));
        FeatureAccumulator all =
            measured.orElseGet(() -> features.accumulator(evaluation.samples(), algebra));
        features.addTo(all, evaluation.batchSize());
        measured = Optional.of(all);
      }
      return Comparison.of(
          measured.orElseThrow().result(), reference, evaluation.kidSubsetSize(), algebra);
    }
  }

  /** What was measured of the dataset, or the statistics that the spec names. */
  public static Reference reference(
      LocalFiles files, EvaluationSpec evaluation, StatisticsRef stored) throws IOException {
    Path file = files.file(stored.objectKey(), stored.sha256());
    return evaluation.reference().isPresent()
        ? Reference.of(ReferenceStatistics.read(file))
        : Reference.read(file);
  }

  /** What the distance of samples to the reference is called. */
  public static String metricName(
      ExtractorRef extractor, EvaluationSpec evaluation, StatisticsRef reference) {
    return evaluation.reference().isPresent()
        ? FeatureExtractor.metricName(
            extractor.name(), extractor.sha256(), reference.extractorSha256())
        : FeatureExtractor.metricName(extractor.name(), extractor.sha256());
  }
}
