package dev.atelier.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Removal of a folder with all that is in it. */
final class Folders {

  private Folders() {}

  static void delete(Path folder) throws IOException {
    List<Path> childrenFirst;
    try (Stream<Path> tree = Files.walk(folder)) {
      childrenFirst = tree.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : childrenFirst) {
      Files.delete(path);
    }
  }
}
