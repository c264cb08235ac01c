package dev.atelier.artifacts;

import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetManifest;
import dev.atelier.dataset.Datasets;
import dev.atelier.dataset.PackedImages;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.ImageSource;
import dev.atelier.workflows.DatasetRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Prepared datasets of the store, as images on this machine. */
public final class StoredDatasets implements Datasets {

  private final ObjectStore store;
  private final ArtifactCache cache;
  private final StoredEncodings encodings;

  public StoredDatasets(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
    this.encodings = new StoredEncodings(store, cache);
  }

  /** Keeps a prepared dataset under its content hash; one that is there and whole is left alone. */
  public DatasetRef keep(DatasetManifest manifest, Path directory) {
    DatasetRef dataset =
        new DatasetRef(
            manifest.sha256(),
            manifest.images(),
            manifest.resolution(),
            manifest.channels(),
            manifest.skipped(),
            manifest.classes().size(),
            manifest.passedOver(),
            manifest.captionCount());
    if (!isWhole(dataset)) {
      String prefix = ExperimentKeys.dataset(manifest.sha256());
      for (DatasetManifest.Shard file : manifest.files()) {
        store.put(prefix + file.name(), directory.resolve(file.name()), "application/octet-stream");
      }
      // Last, so that its existence says that the shards were written.
      store.put(prefix + DatasetManifest.FILE_NAME, manifest.toJson(), "application/json");
    }
    return dataset;
  }

  /** Whether the manifest and all files of a dataset are in the store. */
  public boolean isWhole(DatasetRef dataset) {
    String prefix = ExperimentKeys.dataset(dataset.sha256());
    Optional<byte[]> json = store.get(prefix + DatasetManifest.FILE_NAME);
    if (json.isEmpty()) {
      return false;
    }
    try {
      DatasetManifest manifest = DatasetManifest.read(json.get());
      return manifest.sha256().equals(dataset.sha256())
          && manifest.files().stream().allMatch(file -> store.exists(prefix + file.name()));
    } catch (DatasetException e) {
      return false;
    }
  }

  @Override
  public PackedImages open(DatasetRef dataset) throws IOException {
    String prefix = ExperimentKeys.dataset(dataset.sha256());
    DatasetManifest manifest = manifest(dataset);
    return PackedImages.open(
        manifest,
        local(prefix, manifest.shards()),
        local(prefix, manifest.labels()),
        local(prefix, manifest.captions()));
  }

  @Override
  public ImageSource seen(DatasetRef dataset) throws IOException {
    PackedImages images = open(dataset);
    return dataset.encoded().isPresent() ? encodings.open(images, dataset.encoded().get()) : images;
  }

  @Override
  public Optional<Path> parts(DatasetRef dataset, Path work) throws IOException {
    return dataset.encoded().isPresent()
        ? Optional.of(encodings.partsFolder(dataset.encoded().get().parts(), work))
        : Optional.empty();
  }

  private DatasetManifest manifest(DatasetRef dataset) {
    return DatasetManifest.read(
        store
            .get(ExperimentKeys.dataset(dataset.sha256()) + DatasetManifest.FILE_NAME)
            .orElseThrow(
                () ->
                    new ObjectCorruptException(
                        "Dataset %s is not in the store any more.".formatted(dataset.sha256()))));
  }

  @Override
  public ClassSequence sampleClasses(DatasetRef dataset, EvaluationSpec.Classes wanted) {
    return dataset.classes() == 0
        ? ClassSequence.NONE
        : sampleClasses(manifest(dataset).classes(), wanted);
  }

  static ClassSequence sampleClasses(
      List<DatasetManifest.ImageClass> classes, EvaluationSpec.Classes wanted) {
    return ClassSequence.of(
        wanted, classes.stream().map(DatasetManifest.ImageClass::images).toList());
  }

  private List<Path> local(String prefix, List<DatasetManifest.Shard> files) {
    List<Path> paths = new ArrayList<>();
    for (DatasetManifest.Shard file : files) {
      paths.add(cache.file(prefix + file.name(), file.sha256()));
    }
    return paths;
  }
}
