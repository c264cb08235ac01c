package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.evaluation.ClipFolder;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.evaluation.ExtractorFile;
import dev.atelier.evaluation.PromptSource;
import dev.atelier.evaluation.RandomConvExtractor;
import dev.atelier.evaluation.UserFiles;
import dev.atelier.opening.Opening;
import dev.atelier.spec.EvaluationSpec.ExtractorSpec;
import dev.atelier.store.EventHistory;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.work.Scope;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.EvaluationActivities.PrepareExtractor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Extractors and statistics of users: what is tried is what is kept. */
public final class EvaluationFiles implements UserFiles {

  private final ArtifactCache cache;
  private final RemoteSources sources;
  private final ClipFiles clips;
  private final EventHistory events;

  public EvaluationFiles(ObjectStore store, ArtifactCache cache, EventHistory events) {
    this.cache = cache;
    this.sources = new RemoteSources(store, cache);
    this.clips = new ClipFiles(store, cache);
    this.events = events;
  }

  @Override
  public ExtractorFile extractor(PrepareExtractor task, Scope scope) throws IOException {
    ExtractorSpec wanted = task.evaluation().extractor();
    Path file = scope.path().resolve("extractor.pt");
    if (wanted.source().equals(ExtractorSpec.RANDOM_CONV)) {
      RandomConvExtractor.write(file);
      return new ExtractorFile(file, RandomConvExtractor.NAME, Sha256.of(file));
    }
    Path source = fetch(task.experimentId(), "Extractor", wanted.source());
    Files.copy(source, file);
    ExtractorFile extractor =
        new ExtractorFile(file, source.getFileName().toString(), Sha256.of(file));
    open(task, extractor, scope);
    return extractor;
  }

  private void open(PrepareExtractor task, ExtractorFile extractor, Scope scope)
      throws IOException {
    ExtractorSpec wanted = task.evaluation().extractor();
    try {
      cache
          .opener()
          .open(
              new Opening.Extractor(
                  extractor.path(),
                  extractor.name(),
                  extractor.sha256(),
                  wanted.resizeTo(),
                  task.dataset().resolution()),
              scope.path(),
              scope::stopIfAsked);
    } catch (ExtractorException e) {
      throw new ExtractorException(
          preparation(task.experimentId()).unusable(wanted.source(), e.getMessage()), e);
    }
  }

  @Override
  public ClipFolder clip(String source, PrepareExtractor task, Scope scope) throws IOException {
    ClipFolder clip = clips.fetch(source, new SourceNotices(events, task.experimentId()));
    cache
        .opener()
        .open(
            new Opening.Clip(clip.path(), clip.name(), clip.files()),
            scope.path(),
            scope::stopIfAsked);
    return clip;
  }

  @Override
  public PromptSource prompts(String source, PrepareExtractor task, Scope scope)
      throws IOException {
    Path file = fetch(task.experimentId(), "Prompts", source);
    try {
      return PromptSource.read(file, DatasetPreparation.shown(source));
    } catch (EvaluationException e) {
      throw new EvaluationException(
          preparation(task.experimentId()).unusable(source, e.getMessage()), e);
    }
  }

  @Override
  public Path statistics(String source, MeasureReference task, Scope scope) throws IOException {
    Path found = fetch(task.experimentId(), "Reference statistics", source);
    Path own = Files.createDirectory(scope.path().resolve("given"));
    Path file = Files.copy(found, own.resolve(found.getFileName().toString()));
    try {
      cache.opener().open(new Opening.Statistics(file), scope.path(), scope::stopIfAsked);
    } catch (EvaluationException e) {
      throw new EvaluationException(
          preparation(task.experimentId()).unusable(source, e.getMessage()), e);
    }
    return file;
  }

  private DatasetPreparation preparation(String experimentId) {
    return new DatasetPreparation(
        cache.downloads(), sources, new SourceNotices(events, experimentId), cache.guard());
  }

  private Path fetch(String experimentId, String what, String source) {
    try {
      Path file = preparation(experimentId).fetch(source);
      if (!Files.isRegularFile(file)) {
        throw new IOException("'%s' is not a file.".formatted(file));
      }
      return file;
    } catch (IOException | RuntimeException e) {
      throw new ExtractorException(
          "%s '%s' cannot be fetched: %s"
              .formatted(what, DatasetPreparation.shown(source), e.getMessage()),
          e);
    }
  }
}
