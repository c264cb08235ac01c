package dev.atelier.evaluation;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.Device;
import dev.atelier.work.Notices;
import dev.atelier.work.Scope;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities.PrepareExtractor;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.PromptsRef;
import dev.atelier.workflows.vocabulary.EventKind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Brings the extractor of an experiment, and lets fail now what would fail at the evaluation. */
public record ExtractorPreparation(
    Device device, UserFiles brought, ReferenceStore store, Notices notices) {

  /**
   * Keeps the extractor, a CLIP model and prompts, once they have been tried.
   *
   * @throws ExtractorException if one of them cannot be used
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
    ExtractorRef kept = store.keep(file);
    Optional<ClipFolder> clip = clip(task, scope);
    return new ExtractorRef(
        kept.name(),
        kept.objectKey(),
        kept.sha256(),
        clip.isPresent() ? Optional.of(store.keep(clip.get())) : Optional.empty(),
        prompts(task, clip, scope));
  }

  private Optional<ClipFolder> clip(PrepareExtractor task, Scope scope) throws IOException {
    if (task.evaluation().clip().isEmpty()) {
      return Optional.empty();
    }
    scope.describe(task.evaluation().clip().get().source());
    return Optional.of(brought.clip(task.evaluation().clip().get().source(), task, scope));
  }

  private Optional<PromptsRef> prompts(
      PrepareExtractor task, Optional<ClipFolder> clip, Scope scope) throws IOException {
    if (task.evaluation().prompts().isEmpty()) {
      return Optional.empty();
    }
    String source = task.evaluation().prompts().get();
    scope.describe(source);
    PromptSource prompts = brought.prompts(source, task, scope);
    notices.record(
        task.experimentId(),
        EventKind.PROMPTS_TAKEN,
        "%d prompts, of %d texts; %d texts are empty and %d have more than %d characters: they were passed over%s"
            .formatted(
                prompts.texts().size(),
                prompts.texts().stream().mapToInt(List::size).sum(),
                prompts.empty(),
                prompts.tooLong(),
                PromptSource.MOST_CHARACTERS,
                clip.isPresent() ? cut(prompts, task, clip.get(), scope) : ""));
    Path file = scope.path().resolve("prompts.json");
    prompts.write(file);
    return Optional.of(store.keepPrompts(file, prompts.texts().size()));
  }

  private String cut(PromptSource source, PrepareExtractor task, ClipFolder clip, Scope scope)
      throws IOException {
    EvaluationSpec evaluation = task.evaluation();
    List<String> shown = Prompts.of(source, evaluation.seed()).of(0, evaluation.samples());
    try (ClipJudge judge = ClipJudge.open(clip.path(), clip.name(), device.name(), scope.path())) {
      return "; of the %d samples' prompts CLIP reads only the beginning of %d"
          .formatted(shown.size(), shown.stream().filter(judge::cuts).count());
    }
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
