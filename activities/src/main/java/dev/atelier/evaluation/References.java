package dev.atelier.evaluation;

import dev.atelier.dataset.Datasets;
import dev.atelier.dataset.PackedImages;
import dev.atelier.training.Device;
import dev.atelier.work.Scope;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
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
    Optional<String> source = task.evaluation().reference();
    if (source.isPresent()) {
      return given(source.get(), task, scope);
    }
    Optional<StatisticsRef> known = store.measured(task);
    return known.isPresent() ? known.get() : measureDataset(task, scope);
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
                    scope.describe("%d of %d images".formatted(done, images.count()));
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
