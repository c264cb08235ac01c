package dev.atelier.publication;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Where the files go that users leave with. Names may have folders, as {@code student-1/a.json}.
 */
interface ExportFiles {

  /** Keeps a file under a name. */
  void keep(String name, Path file, String contentType) throws IOException;

  /** Keeps what is kept as {@code kept} under another name too, without storing it again. */
  void keepAgain(String name, String kept);
}
