package dev.atelier.repository;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Reads the files of the source tree. */
final class Sources {

  static final Path ROOT = Path.of("../..").toAbsolutePath().normalize(); // of deploy/local
  static final List<String> MODULES =
      List.of(
          "workflows", "store", "activities", "migrations", "api", "deploy/cli", "deploy/local");

  private Sources() {}

  static String read(String path) throws IOException {
    return Files.readString(ROOT.resolve(path));
  }

  /** The files below {@code src} of every module. */
  static List<Path> ofModules() throws IOException {
    List<Path> files = new ArrayList<>();
    for (String module : MODULES) {
      try (Stream<Path> found = Files.walk(ROOT.resolve(module).resolve("src"))) {
        found.filter(Files::isRegularFile).forEach(files::add);
      }
    }
    return files;
  }
}
