package dev.atelier.opening;

import java.io.IOException;
import java.nio.file.Path;

/** Opens files of users' to see whether they can be used. */
@FunctionalInterface
public interface Opener {

  /** In this process, which a file may end: for files that the person at this machine has named. */
  Opener HERE = (opening, work, stop) -> opening.open(work);

  /**
   * Returns once the file has been opened and tried.
   *
   * @param work a directory of its own for temporary files
   * @param stop throws if it is to be given up
   * @throws RuntimeException of the file's kind if it cannot be used, or ended who opened it
   */
  void open(Opening opening, Path work, Runnable stop) throws IOException;
}
