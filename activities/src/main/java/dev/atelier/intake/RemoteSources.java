package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.spec.SourceLocation.StoredObject;
import dev.atelier.store.ObjectCorruptException;
import dev.atelier.store.ObjectStore;
import java.io.IOException;
import java.nio.file.Path;

/** Users' own files in the object store, by {@code s3://bucket/key}. */
public final class RemoteSources {

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
  public Path fetch(StoredObject object) throws IOException {
    Path file = cache.downloads().resolve(object.bucket()).resolve(object.key());
    try {
      store.fetchForeign(object.bucket(), object.key(), file, cache.guard().limits().bytes());
    } catch (ObjectCorruptException e) {
      throw new IOException(e.getMessage(), e);
    }
    return file;
  }
}
