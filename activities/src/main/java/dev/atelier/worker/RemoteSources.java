package dev.atelier.worker;

import dev.atelier.store.ObjectCorruptException;
import dev.atelier.store.ObjectStore;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;

/** Users' own files in the object store, by {@code s3://bucket/key}. */
final class RemoteSources {

  private final ObjectStore store;
  private final ArtifactCache cache;

  RemoteSources(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
  }

  /**
   * Copies the object to this machine, under its own file name.
   *
   * @throws IOException if the URI names no object, or there is none
   */
  Path fetch(URI uri) throws IOException {
    String key = uri.getPath() == null ? "" : uri.getPath().replaceFirst("^/", "");
    if (uri.getHost() == null || key.isEmpty()) {
      throw new IOException("'%s' names no object: expected s3://bucket/key.".formatted(uri));
    }
    Path folder = cache.downloads().resolve(uri.getHost());
    Path file = folder.resolve(key).normalize();
    if (!file.startsWith(folder) || file.equals(folder) || !folder.normalize().equals(folder)) {
      throw new IOException("'%s' names a key that leads out of its folder.".formatted(uri));
    }
    try {
      store.fetchForeign(uri.getHost(), key, file);
    } catch (ObjectCorruptException e) {
      throw new IOException(e.getMessage(), e);
    }
    return file;
  }
}
