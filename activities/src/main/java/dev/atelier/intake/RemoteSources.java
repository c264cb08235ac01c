package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.ShardNames;
import dev.atelier.spec.SourceLocation.StoredObject;
import dev.atelier.store.ObjectCorruptException;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.ObjectStore.Listed;
import dev.atelier.store.Sha256;
import dev.atelier.untrusted.HeapBudget;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Users' own files in the object store, by {@code s3://bucket/key}. */
public final class RemoteSources {

  private static final String SHARDS = "_shards"; // no bucket's name

  private final ObjectStore store;
  private final ArtifactCache cache;

  public RemoteSources(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
  }

  /**
   * Copies the object to this machine, under its own file name; of {@link ShardNames} those that
   * there are, each once, into a folder of their own.
   *
   * @throws IOException if there is none
   */
  public Path fetch(StoredObject object) throws IOException {
    String name = object.key().substring(object.key().lastIndexOf('/') + 1);
    Optional<ShardNames> shards = ShardNames.of(name);
    if (shards.isPresent()) {
      return fetchShards(object, name, shards.get());
    }
    Path file = cache.downloads().resolve(object.bucket()).resolve(object.key());
    try {
      store.fetchForeign(object.bucket(), object.key(), file, cache.guard().limits().bytes());
    } catch (ObjectCorruptException e) {
      throw new IOException(e.getMessage(), e);
    }
    return file;
  }

  private Path fetchShards(StoredObject object, String pattern, ShardNames shards)
      throws IOException {
    String folder = object.key().substring(0, object.key().length() - pattern.length());
    long most = Math.min(cache.guard().limits().entries(), HeapBudget.archiveEntries());
    Map<String, Listed> byName = new TreeMap<>();
    try {
      for (Listed listed : store.listForeign(object.bucket(), folder, most)) {
        String name = listed.key().substring(folder.length());
        if (!name.isEmpty() && name.indexOf('/') < 0) {
          byName.put(name, listed);
        }
      }
      List<Listed> found = shards.among(byName.keySet()).stream().map(byName::get).toList();
      // Another listing gets another folder, so that shards of two versions never meet.
      String identity =
          Sha256.of((object.bucket() + found).getBytes(StandardCharsets.UTF_8)).substring(0, 24);
      Path copies = cache.downloads().resolve(SHARDS).resolve(identity);
      long left = cache.guard().limits().bytes();
      for (Listed listed : found) {
        Path file = copies.resolve(listed.key().substring(folder.length()));
        if (!Files.exists(file)) {
          store.fetchForeign(object.bucket(), listed.key(), file, left);
        }
        left -= Files.size(file);
      }
      return copies.resolve(pattern);
    } catch (ObjectCorruptException e) {
      throw new IOException(e.getMessage(), e);
    }
  }
}
