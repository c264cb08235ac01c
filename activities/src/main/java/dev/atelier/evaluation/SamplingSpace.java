package dev.atelier.evaluation;

import dev.atelier.dataset.Datasets;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.EnsembleSampler.Sampled;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EncodedRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.LongFunction;

/** What models see and read when they are sampled from, and how that becomes images. */
public final class SamplingSpace implements AutoCloseable {
  private final Sampled sampled;
  private final Optional<LoadedParts> parts;
  private final Optional<Prompts> prompts;

  private SamplingSpace(Sampled sampled, Optional<LoadedParts> parts, Optional<Prompts> prompts) {
    this.sampled = sampled;
    this.parts = parts;
    this.prompts = prompts;
  }

  /**
   * The parts of a pipeline, by which networks see and read.
   *
   * @param folder that holds them
   */
  public record PartsFolder(Path folder, boolean latents, boolean texts) {

    static Optional<PartsFolder> of(Datasets datasets, DatasetRef dataset, Path work)
        throws IOException {
      Optional<Path> folder = datasets.parts(dataset, work);
      return folder.map(
          path -> {
            EncodedRef encoded = dataset.encoded().orElseThrow();
            return new PartsFolder(
                path, encoded.latents().isPresent(), encoded.texts().isPresent());
          });
    }
  }

  /**
   * Opens that of a dataset's models.
   *
   * @param given what samples show; absent: what captions of the dataset say
   * @param device {@code cpu} or {@code cuda:<n>}
   * @param work a directory for files
   */
  public static SamplingSpace open(
      Datasets datasets,
      DatasetRef dataset,
      EvaluationSpec evaluation,
      Optional<PromptSource> given,
      String device,
      Path work)
      throws IOException {
    ClassSequence classes = datasets.sampleClasses(dataset, evaluation.classes());
    Optional<PartsFolder> folder = PartsFolder.of(datasets, dataset, work);
    Optional<Prompts> prompts =
        folder.filter(PartsFolder::texts).isPresent()
            ? Optional.of(prompts(datasets, dataset, evaluation.seed(), given))
            : Optional.empty();
    LongFunction<String> asked =
        image -> prompts.map(drawn -> drawn.of(image)).orElse(""); // asked where there are some
    return of(dataset.channels(), dataset.resolution(), classes, folder, asked, device, work)
        .with(prompts);
  }

  private static Prompts prompts(
      Datasets datasets, DatasetRef dataset, long seed, Optional<PromptSource> given)
      throws IOException {
    return given.isPresent()
        ? Prompts.of(given.get(), seed)
        : Prompts.ofCaptions(datasets.open(dataset.seenAs(Optional.empty())), seed);
  }

  static SamplingSpace of(
      int channels,
      int resolution,
      ClassSequence classes,
      Optional<PartsFolder> folder,
      LongFunction<String> prompts,
      String device,
      Path work)
      throws IOException {
    if (folder.isEmpty()) {
      return new SamplingSpace(
          Sampled.pixels(channels, resolution, classes), Optional.empty(), Optional.empty());
    }
    LoadedParts parts = LoadedParts.load(folder.get(), device, work);
    Sampled sampled =
        new Sampled(
            parts.channels().orElse(channels),
            resolution / parts.reduction(),
            classes,
            parts.texts(prompts),
            parts.decoder());
    return new SamplingSpace(sampled, Optional.of(parts), Optional.empty());
  }

  private SamplingSpace with(Optional<Prompts> drawn) {
    return new SamplingSpace(sampled, parts, drawn);
  }

  public Sampled sampled() {
    return sampled;
  }

  /** What samples are to show, where networks read it. */
  public Optional<Prompts> prompts() {
    return prompts;
  }

  @Override
  public void close() {
    parts.ifPresent(LoadedParts::close);
  }
}
