package dev.atelier.evaluation;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.Device;
import dev.atelier.work.LocalFiles;
import dev.atelier.workflows.ExtractorRef;

/** Opens the feature extractors that are kept. */
public record Extractors(Device device, LocalFiles files) {

  /** The extractor of an evaluation, for images of {@code resolution} pixels. */
  public FeatureExtractor open(ExtractorRef extractor, EvaluationSpec evaluation, int resolution) {
    return FeatureExtractor.open(
        files.file(extractor.objectKey(), extractor.sha256()),
        extractor.name(),
        extractor.sha256(),
        evaluation.extractor().resizeTo(),
        resolution,
        device.name());
  }
}
