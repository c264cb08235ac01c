package dev.atelier.artifacts;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.atelier.dataset.PackedImages;
import dev.atelier.encoding.EncodedImages;
import dev.atelier.encoding.EncodedStore;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.EncodedRef;
import dev.atelier.workflows.ObjectRef;
import dev.atelier.workflows.PartsRef;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** What networks see of datasets, and the parts of pipelines that make it, in the store. */
public record StoredEncodings(ObjectStore store, ArtifactCache cache) {

  private static final JsonMapper JSON = new JsonMapper();

  /** Shards of a dataset, below its own objects: they go with it. */
  public EncodedStore of(String datasetSha256) {
    return new ShardsOfDataset(datasetSha256);
  }

  private final class ShardsOfDataset implements EncodedStore {
    private final String datasetSha256;

    ShardsOfDataset(String datasetSha256) {
      this.datasetSha256 = datasetSha256;
    }

    private String prefix(String inputs, String kind) {
      return ExperimentKeys.encoded(datasetSha256, kind, inputs);
    }

    // The hash is part of the name: two workers at the same shard may differ in bits.
    @Override
    public Optional<ObjectRef> find(String inputs, String kind, int index) {
      String beginning = prefix(inputs, kind) + "%05d-".formatted(index);
      return store.list(beginning).stream()
          .sorted()
          .findFirst()
          .map(key -> new ObjectRef(key, key.substring(beginning.length())));
    }

    @Override
    public ObjectRef keep(String inputs, String kind, int index, Path file) {
      String sha256 = Sha256.of(file);
      String key = prefix(inputs, kind) + "%05d-%s".formatted(index, sha256);
      store.put(key, file, "application/octet-stream");
      return new ObjectRef(key, sha256);
    }

    @Override
    public ObjectRef keepManifest(String inputs, String kind, byte[] json) {
      String sha256 = Sha256.of(json);
      String key = prefix(inputs, kind) + "manifest-" + sha256 + ".json";
      store.put(key, json, "application/json");
      return new ObjectRef(key, sha256);
    }
  }

  /** The images of a dataset as networks see them. */
  public EncodedImages open(PackedImages images, EncodedRef encoded) throws IOException {
    return EncodedImages.open(
        images,
        encoded.latents().map(this::content),
        encoded.texts().map(this::content),
        shard -> cache.file(shard.objectKey(), shard.sha256()));
  }

  private byte[] content(ObjectRef files) {
    try {
      return Files.readAllBytes(cache.file(files.objectKey(), files.sha256()));
    } catch (IOException e) {
      throw new ObjectCorruptException(
          "Cannot read '%s': %s".formatted(files.objectKey(), e.getMessage()));
    }
  }

  /** Keeps parts whose files are in the store already. */
  public PartsRef keepParts(String experimentId, List<StoredFile> files) {
    String sha256 = contentOf(files);
    String key = ExperimentKeys.parts(experimentId) + sha256 + ".json";
    try {
      store.put(key, JSON.writeValueAsBytes(files), "application/json");
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // records of strings and numbers always have a JSON form
    }
    return new PartsRef(key, sha256);
  }

  /** The same of files that are here, by their names in the pipeline. */
  public PartsRef keepParts(String experimentId, Map<String, Path> files) throws IOException {
    ContentObjects objects = new ContentObjects(store);
    List<StoredFile> kept = new ArrayList<>();
    for (Map.Entry<String, Path> file : files.entrySet()) {
      ObjectRef object =
          objects.keep(
              file.getValue(),
              sha256 -> ExperimentKeys.parts(experimentId) + sha256,
              "application/octet-stream");
      kept.add(
          new StoredFile(
              file.getKey(), object.objectKey(), object.sha256(), Files.size(file.getValue())));
    }
    return keepParts(experimentId, kept);
  }

  /** The files of parts by their names in the pipeline. */
  public Map<String, Path> parts(PartsRef parts) {
    return files(parts).stream()
        .collect(Collectors.toMap(StoredFile::name, f -> cache.file(f.key(), f.sha256())));
  }

  private List<StoredFile> files(PartsRef parts) {
    List<StoredFile> files;
    try {
      files =
          JSON.readValue(
              store
                  .get(parts.objectKey())
                  .orElseThrow(
                      () ->
                          new ObjectCorruptException(
                              "'%s' is not in the store any more.".formatted(parts.objectKey()))),
              new TypeReference<List<StoredFile>>() {});
    } catch (IOException e) {
      throw new ObjectCorruptException(
          "Cannot read '%s': %s".formatted(parts.objectKey(), e.getMessage()));
    }
    if (!contentOf(files).equals(parts.sha256())) {
      throw new ObjectCorruptException(
          "Cannot read '%s': expected parts of the hash %s, found %s."
              .formatted(parts.objectKey(), parts.sha256(), contentOf(files)));
    }
    return files;
  }

  /** The same as a folder below {@code work}. */
  public Path partsFolder(PartsRef parts, Path work) throws IOException {
    Path folder = work.resolve("parts-" + parts.sha256());
    for (StoredFile file : files(parts)) {
      cache.link(file.key(), file.sha256(), folder.resolve(file.name()));
    }
    return folder;
  }

  /** Of their names and contents, wherever they lie. */
  private static String contentOf(List<StoredFile> files) {
    String text =
        files.stream()
            .sorted(Comparator.comparing(StoredFile::name))
            .map(file -> file.name() + " " + file.sha256())
            .collect(Collectors.joining("\n"));
    return Sha256.of(text.getBytes(StandardCharsets.UTF_8));
  }
}
