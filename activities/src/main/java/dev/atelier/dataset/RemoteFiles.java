package dev.atelier.dataset;

import dev.atelier.spec.SourceLocation.StoredObject;
import java.io.IOException;
import java.nio.file.Path;

/** Brings objects of the object store to this machine. */
@FunctionalInterface
public interface RemoteFiles {

  /** Brings one to a local file or directory. */
  Path fetch(StoredObject object) throws IOException;

  /**
   * Finds those whose names {@link ShardNames} tell, and fetches none.
   *
   * @throws IOException if there is none
   */
  default RemoteShards shards(StoredObject pattern) throws IOException {
    throw new IOException("it names several objects, expected one");
  }
}
