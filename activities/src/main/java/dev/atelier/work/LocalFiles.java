package dev.atelier.work;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files of the store on this machine. */
@FunctionalInterface
public interface LocalFiles {

  /** The object {@code key}, whose content is {@code sha256}, as a file here. */
  Path file(String key, String sha256);

  /** Has the object as a link at {@code place}; what is there already stays. */
  default void link(String key, String sha256, Path place) throws IOException {
    if (!Files.exists(place)) {
      Files.createDirectories(place.getParent());
      Files.createSymbolicLink(place, file(key, sha256).toAbsolutePath());
    }
  }
}
