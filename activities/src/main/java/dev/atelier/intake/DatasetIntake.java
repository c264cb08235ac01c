package dev.atelier.intake;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.artifacts.StoredDatasets;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetManifest;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.DatasetPreparation.Source;
import dev.atelier.dataset.Extent;
import dev.atelier.dataset.ImageGrid;
import dev.atelier.dataset.PackedImages;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.dataset.PreparedCheck;
import dev.atelier.dataset.PreparedDataset;
import dev.atelier.dataset.PreparedParts;
import dev.atelier.opening.Opening;
import dev.atelier.reuse.DoneElsewhereException;
import dev.atelier.spec.BatchSize;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.ExperimentSpec.Reuse;
import dev.atelier.store.DatasetReuse;
import dev.atelier.store.DatasetReuse.PreparedElsewhere;
import dev.atelier.store.EventHistory;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.version.CodeVersion;
import dev.atelier.version.Fingerprint;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.work.Scope;
import dev.atelier.workflows.DatasetActivities.PrepareDataset;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.vocabulary.EventKind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import javax.sql.DataSource;

/** Prepares a dataset, keeps it by content hash, and shows some of its images. */
public final class DatasetIntake {

  private static final int GRID_ROWS = 4;
  private static final int GRID_COLUMNS = 8;

  private final ExperimentHistory experiments;
  private final EventHistory events;
  private final DatasetReuse reuse;
  private final ExperimentFiles files;
  private final ArtifactCache cache;
  private final StoredDatasets datasets;
  private final RemoteSources sources;

  public DatasetIntake(
      ObjectStore store,
      DataSource database,
      ArtifactCache cache,
      StoredDatasets datasets,
      ExperimentFiles files) {
    this.experiments = new ExperimentHistory(database);
    this.events = new EventHistory(database);
    this.reuse = new DatasetReuse(database);
    this.files = files;
    this.cache = cache;
    this.datasets = datasets;
    this.sources = new RemoteSources(store, cache);
  }

  /**
   * The dataset of an experiment: one that is known, or else what its source is decoded to.
   *
   * @throws DatasetException if the source cannot be used
   * @throws InvalidSpecException if it has too few images
   * @throws DoneElsewhereException if another experiment prepares the same now
   */
  public DatasetRef prepare(PrepareDataset task, Scope scope) throws IOException {
    PreparationListener listener = listener(task.experimentId(), scope);
    Source source =
        new DatasetPreparation(cache.downloads(), sources, listener, cache.guard())
            .find(task.dataset());
    String fingerprint = fingerprint(task.dataset(), source);
    Optional<DatasetRef> known =
        task.reuse() == Reuse.NEVER ? Optional.empty() : takeOver(task.experimentId(), fingerprint);
    DatasetRef dataset =
        known.isPresent()
            ? known.get()
            : keep(task.experimentId(), decode(task.dataset(), source, scope.path(), listener));
    if (known.isEmpty()) {
      reuse.recordPrepared(task.experimentId(), fingerprint);
    }
    requireBatches(task, dataset);
    keepGrid(task.experimentId(), dataset);
    return dataset;
  }

  /** The same rule as at launch, where a spec tells how many images there are. */
  private static void requireBatches(PrepareDataset task, DatasetRef dataset) {
    for (BatchSize size : task.batches()) {
      size.fault(dataset.images())
          .ifPresent(
              reason -> {
                throw new InvalidSpecException(size.field() + " " + reason);
              });
    }
  }

  private PreparationListener listener(String experimentId, Scope scope) {
    return new PreparationListener() {
      @Override
      public void onProgress(String sentence) {
        scope.describe(sentence);
        scope.stopIfAsked();
      }

      @Override
      public void onNotice(String sentence) {
        new SourceNotices(events, experimentId).onNotice(sentence);
      }
    };
  }

  /** All that determines the prepared images, and whether they are enough. */
  private record Inputs(
      String content,
      String subdirectory,
      int resolution,
      int maxImages,
      int channels,
      boolean classConditional,
      DatasetSpec.ExifOrientation exifOrientation,
      double maxLostShare,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<String> captions) {}

  private static String fingerprint(DatasetSpec spec, Source source) {
    return Fingerprint.of(
        new Inputs(
            source.content(),
            spec.subdirectory(),
            spec.resolution(),
            spec.maxImages(),
            spec.channels(),
            spec.classConditional(),
            spec.exifOrientation(),
            spec.maxLostShare(),
            source.captionContent()),
        CodeVersion.DATASET.current());
  }

  /** The same images, prepared for another experiment; waits for one that is at it. */
  private Optional<DatasetRef> takeOver(String experimentId, String fingerprint) {
    for (PreparedElsewhere twin : reuse.datasets(experimentId, fingerprint)) {
      if (datasets.isWhole(twin.dataset())) {
        reuse.recordReused(experimentId, twin);
        return Optional.of(twin.dataset());
      }
    }
    reuse
        .claimDataset(experimentId, fingerprint)
        .ifPresent(
            other -> {
              throw new DoneElsewhereException(
                  "Waits for experiment %s, which prepares the same images.".formatted(other));
            });
    return Optional.empty();
  }

  /** What a user brought is decoded by the opener, and only what comes of it is read here. */
  private PreparedDataset decode(
      DatasetSpec spec, Source source, Path directory, PreparationListener listener)
      throws IOException {
    if (source.broughtShards().isPresent()) {
      return PreparedParts.of(
          source.broughtShards().get(),
          spec,
          directory,
          (pattern, rest, work) ->
              open(pattern, rest, Optional.empty(), Extent.PART, work, listener),
          listener);
    }
    if (source.brought().isEmpty()) {
      return source.prepare(directory);
    }
    try {
      return open(
          source.brought().get(),
          spec,
          source.broughtCaptions(),
          Extent.WHOLE,
          directory,
          listener);
    } catch (DatasetException e) {
      throw source.dropped(e);
    }
  }

  private PreparedDataset open(
      Path path,
      DatasetSpec spec,
      Optional<Path> captions,
      Extent extent,
      Path work,
      PreparationListener listener)
      throws IOException {
    cache
        .opener()
        .open(
            new Opening.Dataset(
                path, spec, cache.guard().policy(), cache.guard().limits(), captions, extent),
            work,
            listener);
    return PreparedCheck.read(work.resolve(Opening.MADE), spec, extent, listener);
  }

  private DatasetRef keep(String experimentId, PreparedDataset prepared) {
    DatasetManifest manifest = prepared.manifest();
    DatasetRef dataset = datasets.keep(manifest, prepared.directory());
    experiments.recordDataset(experimentId, dataset);
    if (!manifest.classes().isEmpty()) {
      events.record(
          experimentId,
          EventKind.CLASSES_FOUND,
          "%d classes: %s"
              .formatted(
                  manifest.classes().size(),
                  manifest.classes().stream()
                      .limit(100)
                      .map(c -> "%s (%d images)".formatted(c.name(), c.images()))
                      .collect(Collectors.joining(", "))));
    }
    recordPassedOver(experimentId, dataset);
    return dataset;
  }

  private void recordPassedOver(String experimentId, DatasetRef dataset) {
    dataset
        .loss()
        .ifPresent(sentence -> events.record(experimentId, EventKind.IMAGES_SKIPPED, sentence));
    List<PassedOver> others =
        dataset.passedOver().stream().filter(files -> !files.reason().losesImages()).toList();
    if (!others.isEmpty()) {
      events.record(experimentId, EventKind.FILES_PASSED_OVER, PassedOver.sentence(others));
    }
  }

  private void keepGrid(String experimentId, DatasetRef dataset) throws IOException {
    PackedImages images = datasets.open(dataset);
    int shown = Math.min(GRID_ROWS * GRID_COLUMNS, images.count());
    int imageBytes = images.channels() * images.resolution() * images.resolution();
    byte[] pixels = new byte[shown * imageBytes];
    for (int i = 0; i < shown; i++) {
      // Spread over the dataset, which may be sorted by class.
      images.copy((int) ((long) i * images.count() / shown), pixels, i * imageBytes);
    }
    files.keepSamples(
        experimentId,
        "dataset",
        ImageGrid.png(
            pixels,
            shown,
            images.channels(),
            images.resolution(),
            GRID_ROWS,
            GRID_COLUMNS,
            ImageGrid.scaleFor(images.resolution())));
  }
}
