package dev.atelier.dataset;

import dev.atelier.spec.SourceLocation.StoredObject;
import java.io.IOException;
import java.nio.file.Path;

/** Brings an object of the object store to a local file or directory. */
@FunctionalInterface
public interface RemoteFiles {
  Path fetch(StoredObject object) throws IOException;
}
