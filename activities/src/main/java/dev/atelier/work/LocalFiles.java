package dev.atelier.work;

import java.nio.file.Path;

/** Files of the store on this machine. */
@FunctionalInterface
public interface LocalFiles {

  /** The object {@code key}, whose content is {@code sha256}, as a file here. */
  Path file(String key, String sha256);
}
