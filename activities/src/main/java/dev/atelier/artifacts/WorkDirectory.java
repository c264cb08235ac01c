package dev.atelier.artifacts;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * A directory that goes with the work that it was made for.
 *
 * @param end what else ends with the work
 */
public record WorkDirectory(Path path, End end) implements AutoCloseable {

  /** Ends something. */
  @FunctionalInterface
  interface End {
    void run() throws IOException;
  }

  @Override
  public void close() {
    try {
      try {
        delete(path);
      } finally {
        end.run();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot delete '%s'.".formatted(path), e);
    }
  }

  /** Deletes a directory with all that is in it. */
  static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
