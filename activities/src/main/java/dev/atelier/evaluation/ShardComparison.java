package dev.atelier.evaluation;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.work.LocalFiles;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ShardRef;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
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
      List<ShardRef> shards,
      Fetching files,
      Reference reference,
      Optional<ClipRows> clipReference,
      EvaluationSpec evaluation)
      throws IOException {
    try (LinearAlgebra algebra = new LinearAlgebra()) {
      Optional<FeatureAccumulator> measured = Optional.empty();
      List<ClipRows> clip = new ArrayList<>();
      for (ShardRef shard : shards) {
        FeatureShard features = FeatureShard.read(files.fetch(shard));
        FeatureAccumulator all =
            measured.orElseGet(() -> features.accumulator(evaluation.samples(), algebra));
        features.addTo(all, evaluation.batchSize());
        features.clip().ifPresent(clip::add);
        measured = Optional.of(all);
      }
      Comparison figures =
          Comparison.of(
              measured.orElseThrow().result(), reference, evaluation.kidSubsetSize(), algebra);
      return clipReference.isEmpty() || clip.isEmpty()
          ? figures
          : figures.with(ClipComparison.of(ClipRows.together(clip), clipReference.get(), algebra));
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

  /** What a CLIP model tells of the dataset, where there is one. */
  static Optional<ClipRows> clipReference(LocalFiles files, StatisticsRef stored)
      throws IOException {
    return stored.clip().isEmpty()
        ? Optional.empty()
        : Optional.of(
            ClipRows.read(
                files.file(stored.clip().get().objectKey(), stored.clip().get().sha256())));
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
