package dev.atelier.repository;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the files of the source tree. */
final class Sources {

  static final Path ROOT = Path.of("../..").toAbsolutePath().normalize(); // of deploy/local

  private Sources() {}

  static String read(String path) throws IOException {
    return Files.readString(ROOT.resolve(path));
  }
}
