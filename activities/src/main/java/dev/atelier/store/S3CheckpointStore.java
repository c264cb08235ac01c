package dev.atelier.store;

import dev.atelier.spec.RetentionSpec;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Checkpoint;
import dev.atelier.training.CheckpointStore;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.vocabulary.EventKind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checkpoints of one model, written by one attempt.
 *
 * <p>Order of a save: the objects, the manifest with the SHA-256 of each, the row in Postgres
 * (which refuses attempts that were superseded), then {@code latest}, then the removal of older
 * ones. Objects lie under the step and the attempt's fence, so that two attempts never write the
 * same key. The previous good checkpoint is kept; a load verifies every byte and falls back to it,
 * and finishes a save that was cut off after its row. {@code latest} is for people and other
 * programs: it is never read here.
 */
public final class S3CheckpointStore implements CheckpointStore {

  private static final Logger LOG = LoggerFactory.getLogger(S3CheckpointStore.class);

  private static final String MANIFEST = "manifest.json";

  private final ObjectStore store;
  private final CheckpointHistory history;
  private final EventHistory events;
  private final String experimentId;
  private final ModelKey key;
  private final Attempt attempt;
  private final TrainingEnvironment environment;
  private final RetentionSpec retention;
  private final String prefix;
  private final Path workDirectory;

  /**
   * Opens the checkpoints of a model.
   *
   * @param environment kept with each checkpoint that is saved
   * @param workDirectory files that are loaded land below it
   */
  public S3CheckpointStore(
      ObjectStore store,
      CheckpointHistory history,
      EventHistory events,
      String experimentId,
      ModelKey key,
      Attempt attempt,
      TrainingEnvironment environment,
      Path workDirectory) {
    this.store = store;
    this.history = history;
    this.events = events;
    this.experimentId = experimentId;
    this.key = key;
    this.attempt = attempt;
    this.environment = environment;
    this.retention = history.retention(experimentId);
    this.prefix = ExperimentKeys.checkpoints(experimentId, key, attempt.place());
    this.workDirectory = workDirectory;
  }

  /**
   * The newest checkpoint that is whole.
   *
   * @throws ObjectCorruptException if there are checkpoints and none of them is whole
   */
  @Override
  public Optional<Checkpoint> latest() {
    List<CheckpointRow> rows = history.of(attempt);
    List<String> faults = new ArrayList<>();
    for (CheckpointRow row : rows) {
      try {
        Checkpoint good = load(row);
        // A corrupt one must not count as one of those that are kept, nor be tried again.
        rows.stream().limit(faults.size()).forEach(corrupt -> history.forget(attempt, corrupt));
        finishSave(row.manifestKey());
        return Optional.of(good);
      } catch (ObjectCorruptException e) {
        faults.add(e.getMessage());
        LOG.warn("{} Trying the one before it.", e.getMessage());
        events.record(experimentId, EventKind.CHECKPOINT_CORRUPT, e.getMessage());
      }
    }
    if (!rows.isEmpty()) {
      throw new ObjectCorruptException(
          "None of %d checkpoints is whole: %s".formatted(rows.size(), String.join(" ", faults)));
    }
    return Optional.empty();
  }

  private Checkpoint load(CheckpointRow row) {
    if (row.momentsRemoved()) {
      throw new ObjectCorruptException(
          "Cannot train on from the checkpoint of step %d: Adam's moments were removed, as atelier.maintenance.files.moments-kept-for says, after its experiment had ended."
              .formatted(row.step()));
    }
    CheckpointManifest manifest =
        CheckpointManifest.read(store, row.manifestKey(), row.manifestSha256());
    Path directory = workDirectory.resolve("checkpoint-" + manifest.step());
    for (StoredFile file : manifest.objects()) {
      store.fetch(file.key(), file.sha256(), directory.resolve(file.name()));
    }
    manifest
        .environment()
        .filter(trained -> !trained.equals(environment))
        .ifPresent(trained -> warnOfOtherBits(manifest.step(), trained));
    return new Checkpoint(manifest.step(), manifest.specHash(), manifest.codeVersion(), directory);
  }

  private void warnOfOtherBits(int step, TrainingEnvironment trained) {
    String sentence =
        "%s goes on with %s from its checkpoint of step %d, which was trained with %s: the result will not be bit-identical to an uninterrupted training's."
            .formatted(key, environment, step, trained);
    LOG.warn(sentence);
    events.record(experimentId, EventKind.NOT_BIT_IDENTICAL, sentence);
  }

  @Override
  public void save(Checkpoint checkpoint) throws IOException {
    save(
        checkpoint.step(),
        checkpoint.specHash(),
        checkpoint.codeVersion(),
        byName(checkpoint.files()),
        Optional.empty());
  }

  /**
   * Keeps a model that was not trained here, and so has only some files of a checkpoint.
   *
   * @param parts files of the folder {@code source} that belong to it, by their names there
   */
  public void saveImported(
      String specHash,
      String codeVersion,
      Path file,
      Path source,
      List<String> parts,
      ModelOrigin origin)
      throws IOException {
    Map<String, Path> contents = byName(List.of(file));
    parts.forEach(part -> contents.put(part, source.resolve(part)));
    save(0, specHash, codeVersion, contents, Optional.of(origin));
  }

  private static Map<String, Path> byName(List<Path> files) {
    Map<String, Path> named = new LinkedHashMap<>();
    files.forEach(file -> named.put(file.getFileName().toString(), file));
    return named;
  }

  private void save(
      int step,
      String specHash,
      String codeVersion,
      Map<String, Path> contents,
      Optional<ModelOrigin> origin)
      throws IOException {
    String base = "%s%09d-%d/".formatted(prefix, step, attempt.fence());
    List<StoredFile> files = new ArrayList<>();
    for (Map.Entry<String, Path> content : contents.entrySet()) {
      String name = content.getKey();
      Path file = content.getValue();
      String key = base + name.replace("/", "--"); // a checkpoint is one folder in the store
      store.put(key, file, "application/octet-stream");
      files.add(new StoredFile(name, key, Sha256.of(file), Files.size(file)));
    }
    CheckpointManifest manifest =
        new CheckpointManifest(
            step, specHash, codeVersion, Optional.of(environment), files, origin);
    byte[] json = manifest.toJson();
    String manifestKey = base + MANIFEST;
    store.put(manifestKey, json, "application/json");
    history.record(attempt, step, manifestKey, Sha256.of(json), manifest.bytes());
    finishSave(manifestKey);
  }

  /** What may be repeated without harm once the row is there. */
  private void finishSave(String manifestKey) {
    store.put(prefix + "latest", manifestKey.getBytes(StandardCharsets.UTF_8), "text/plain");
    removeOld();
  }

  /**
   * Deletes the checkpoints that the experiment's retention does not keep and that no other model
   * has taken over, and what lost attempts left behind. Nothing of a newer attempt: this one may
   * have been superseded just now, and the other's save be under way.
   */
  private void removeOld() {
    List<CheckpointRow> rows = history.of(attempt);
    Set<CheckpointRow> keptRows = KeptCheckpoints.of(rows, retention);
    rows.stream()
        .filter(row -> !keptRows.contains(row))
        .forEach(row -> history.forget(attempt, row));
    List<String> objects =
        store.list(prefix).stream().filter(object -> !object.equals(prefix + "latest")).toList();
    Set<String> manifests =
        objects.stream().map(object -> directoryOf(object) + MANIFEST).collect(Collectors.toSet());
    Set<String> kept =
        Stream.concat(
                keptRows.stream().map(CheckpointRow::manifestKey),
                history.sharedManifests(attempt, manifests).stream())
            .map(S3CheckpointStore::directoryOf)
            .collect(Collectors.toSet());
    for (String object : objects) {
      if (!kept.contains(directoryOf(object)) && fenceOf(object) <= attempt.fence()) {
        store.delete(object);
      }
    }
  }

  // <prefix><step>-<fence>/<file>
  private long fenceOf(String object) {
    String directory = object.substring(prefix.length(), object.lastIndexOf('/'));
    return Long.parseLong(directory.substring(directory.indexOf('-') + 1));
  }

  private static String directoryOf(String key) {
    return key.substring(0, key.lastIndexOf('/') + 1);
  }
}
