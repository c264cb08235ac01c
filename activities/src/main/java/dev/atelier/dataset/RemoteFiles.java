package dev.atelier.dataset;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;

/** Brings the object behind an {@code s3:} URI to a local file or directory. */
@FunctionalInterface
public interface RemoteFiles {
  Path fetch(URI uri) throws IOException;
}
