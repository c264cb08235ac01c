package dev.atelier.evaluation;

import dev.atelier.dataset.Datasets;
import dev.atelier.dataset.PackedImages;
import dev.atelier.training.Device;
import dev.atelier.work.Scope;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.ObjectRef;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The other side of every comparison: the dataset's features, or statistics that a spec names. */
public record References(
    Device device,
    Extractors extractors,
    Datasets datasets,
    UserFiles brought,
    ReferenceStore store) {

  /** Measures the reference, or reads it; what was measured before is not measured again. */
  public StatisticsRef measure(MeasureReference task, Scope scope) throws IOException {
    device.use();
    StatisticsRef statistics = statistics(task, scope);
    return task.extractor().clip().isPresent()
        ? statistics.with(Optional.of(embeddings(task, scope)))
        : statistics;
  }

  private StatisticsRef statistics(MeasureReference task, Scope scope) throws IOException {
    Optional<String> source = task.evaluation().reference();
    if (source.isPresent()) {
      return given(source.get(), task, scope);
    }
    Optional<StatisticsRef> known = store.measured(task);
    return known.isPresent() ? known.get() : measureDataset(task, scope);
  }

  private ObjectRef embeddings(MeasureReference task, Scope scope) throws IOException {
    Optional<ObjectRef> known = store.embedded(task);
    if (known.isPresent()) {
      return known.get();
    }
    PackedImages images = datasets.open(task.dataset());
    Path file = scope.path().resolve("embeddings.safetensors");
    try (ClipJudge judge = extractors.clip(task.extractor(), scope.path()).orElseThrow()) {
      embed(images, task.evaluation().batchSize(), judge, scope).write(file);
    }
    return store.keepEmbedded(task, file);
  }

  /** Of as many images as are compared, evenly spread. */
  private static ClipRows embed(PackedImages images, int batchSize, ClipJudge judge, Scope scope) {
    int resolution = images.resolution();
    int imageBytes = images.channels() * resolution * resolution;
    int kept = Math.min(images.count(), ClipRows.MOST);
    ClipRows rows = judge.rows(kept, false);
    for (int first = 0; first < kept; first += batchSize) {
      int n = Math.min(batchSize, kept - first);
      byte[] batch = new byte[n * imageBytes];
      for (int i = 0; i < n; i++) {
        images.copy(ClipRows.spread(first + i, kept, images.count()), batch, i * imageBytes);
      }
      judge.judge(batch, n, images.channels(), resolution, List.of(), rows);
      scope.describe("images of the dataset measured with CLIP", first + n, kept);
      scope.stopIfAsked();
    }
    return rows;
  }

  private StatisticsRef measureDataset(MeasureReference task, Scope scope) throws IOException {
    PackedImages images = datasets.open(task.dataset());
    Path file = scope.path().resolve("statistics.safetensors");
    try (FeatureExtractor extractor =
            extractors.open(task.extractor(), task.evaluation(), images.resolution());
        LinearAlgebra algebra = new LinearAlgebra()) {
      Reference.of(
              DatasetFeatures.measure(
                  images,
                  task.evaluation().batchSize(),
                  FeaturePass.ofReference(images.count(), extractor, algebra),
                  done -> {
                    scope.describe("images of the dataset measured", done, images.count());
                    scope.stopIfAsked();
                  }))
          .write(file);
    }
    return store.keepMeasured(task, file, images.count());
  }

  private StatisticsRef given(String source, MeasureReference task, Scope scope)
      throws IOException {
    Path file = brought.statistics(source, task, scope);
    ReferenceStatistics statistics =
        ReferenceStatistics.read(file).madeBy(source, task.evaluation().referenceExtractor());
    try (FeatureExtractor extractor =
        extractors.open(task.extractor(), task.evaluation(), task.dataset().resolution())) {
      statistics.requireExtractor(
          source, task.extractor().name(), task.extractor().sha256(), extractor.dimension());
    }
    return store.keepGiven(file, statistics);
  }
}
