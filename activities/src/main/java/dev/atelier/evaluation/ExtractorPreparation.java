package dev.atelier.evaluation;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.Device;
import dev.atelier.work.Scope;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities.PrepareExtractor;
import dev.atelier.workflows.ExtractorRef;
import java.io.IOException;

/** Brings the extractor of an experiment, and lets fail now what would fail at the evaluation. */
public record ExtractorPreparation(Device device, UserFiles brought, ReferenceStore store) {

  /**
   * Keeps the extractor, once it has been tried.
   *
   * @throws ExtractorException if it cannot be used
   * @throws EvaluationException if there are too few images for what is to be measured
   */
  public ExtractorRef prepare(PrepareExtractor task, Scope scope) throws IOException {
    scope.describe(task.evaluation().extractor().source());
    device.use();
    ExtractorFile file = brought.extractor(task, scope);
    try (FeatureExtractor extractor =
        FeatureExtractor.open(
            file.path(),
            file.name(),
            file.sha256(),
            task.evaluation().extractor().resizeTo(),
            task.dataset().resolution(),
            device.name())) {
      requireEnoughImages(task, extractor.dimension());
    }
    return store.keep(file);
  }

  private static void requireEnoughImages(PrepareExtractor task, int dimension) {
    EvaluationSpec evaluation = task.evaluation();
    DatasetRef dataset = task.dataset();
    MeasuredFeatures.requireEnough("evaluation.samples", evaluation.samples(), dimension);
    if (evaluation.reference().isEmpty()) {
      MeasuredFeatures.requireEnough("images in the dataset", dataset.images(), dimension);
      KernelDistance.requireSubsets(
          evaluation.kidSubsetSize(), evaluation.samples(), dataset.images());
    }
    if (task.merge().searches()) {
      ExtrapolatedDistance.requireEnough("merge.samples", task.merge().samples(), dimension);
    }
    if (task.search().wanted()) {
      ExtrapolatedDistance.requireEnough("search.samples", task.search().samples(), dimension);
    }
  }
}
