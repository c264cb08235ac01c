package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.RemoteFiles;
import dev.atelier.dataset.RemoteShards;
import dev.atelier.dataset.ShardNames;
import dev.atelier.spec.SourceLocation.StoredObject;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.ObjectStore.Listed;
import dev.atelier.store.objects.Sha256;
import dev.atelier.untrusted.HeapBudget;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Users' own files in the object store, by {@code s3://bucket/key}. */
public final class RemoteSources implements RemoteFiles {

  private final ObjectStore store;
  private final ArtifactCache cache;

  public RemoteSources(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
  }

  /**
   * Copies the object to this machine, under its own file name.
   *
   * @throws IOException if there is none
   */
  @Override
  public Path fetch(StoredObject object) throws IOException {
    Path file = cache.downloads().resolve(object.bucket()).resolve(object.key());
    try {
      store.fetchForeign(object.bucket(), object.key(), file, cache.guard().limits().bytes());
    } catch (ObjectCorruptException e) {
      throw new IOException(e.getMessage(), e);
    }
    return file;
  }

  @Override
  public RemoteShards shards(StoredObject object) throws IOException {
    String pattern = object.key().substring(object.key().lastIndexOf('/') + 1);
    String folder = object.key().substring(0, object.key().length() - pattern.length());
    long most = Math.min(cache.guard().limits().entries(), HeapBudget.archiveEntries());
    SortedMap<String, Listed> byName = new TreeMap<>();
    try {
      for (Listed listed : store.listForeign(object.bucket(), folder, most)) {
        String name = listed.key().substring(folder.length());
        if (!name.isEmpty() && name.indexOf('/') < 0) {
          byName.put(name, listed);
        }
      }
    } catch (ObjectCorruptException e) {
      throw new IOException(e.getMessage(), e);
    }
    List<String> names = ShardNames.of(pattern).orElseThrow().among(byName.keySet());
    byName.keySet().retainAll(names);
    return new StoredShards(object.bucket(), names, byName);
  }

  /** Shards as they were listed. */
  private final class StoredShards implements RemoteShards {
    private final String bucket;
    private final List<String> names;
    private final Map<String, Listed> listed;

    StoredShards(String bucket, List<String> names, Map<String, Listed> listed) {
      this.bucket = bucket;
      this.names = names;
      this.listed = listed;
    }

    @Override
    public List<String> names() {
      return names;
    }

    /** By what the server says of each: all that can be told of them without fetching them. */
    @Override
    public String content() {
      String all =
          names.stream()
              .map(
                  name ->
                      "%s %d %s\n"
                          .formatted(name, listed.get(name).bytes(), listed.get(name).entityTag()))
              .collect(Collectors.joining());
      return Sha256.of(all.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void fetch(String name, Path file) throws IOException {
      try {
        store.fetchListed(bucket, listed.get(name), file, cache.guard().limits().bytes());
      } catch (ObjectCorruptException e) {
        throw new IOException(e.getMessage(), e);
      }
    }
  }
}
