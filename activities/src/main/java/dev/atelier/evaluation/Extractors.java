package dev.atelier.evaluation;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.Device;
import dev.atelier.work.LocalFiles;
import dev.atelier.workflows.ClipRef;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ObjectRef;
import dev.atelier.workflows.PromptsRef;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

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

  /**
   * The CLIP model of an evaluation, if it has one.
   *
   * @param work a directory for files
   */
  Optional<ClipJudge> clip(ExtractorRef extractor, Path work) throws IOException {
    if (extractor.clip().isEmpty()) {
      return Optional.empty();
    }
    ClipRef clip = extractor.clip().get();
    Path folder = Files.createDirectories(work.resolve("clip"));
    Map<String, ObjectRef> stored = FolderListing.read(files.file(clip.objectKey(), clip.sha256()));
    for (Map.Entry<String, ObjectRef> file : stored.entrySet()) {
      files.link(
          file.getValue().objectKey(), file.getValue().sha256(), folder.resolve(file.getKey()));
    }
    return Optional.of(ClipJudge.open(folder, clip.name(), device.name(), work));
  }

  /** What samples show, where the spec names it. */
  public Optional<PromptSource> prompts(ExtractorRef extractor) throws IOException {
    if (extractor.prompts().isEmpty()) {
      return Optional.empty();
    }
    PromptsRef prompts = extractor.prompts().get();
    return Optional.of(PromptSource.stored(files.file(prompts.objectKey(), prompts.sha256())));
  }
}
