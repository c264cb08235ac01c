package dev.atelier.opening;

import dev.atelier.dataset.PreparationListener;
import java.io.IOException;
import java.nio.file.Path;

/** Opens files of users', to see whether they can be used, or to make of them what is used. */
@FunctionalInterface
public interface Opener {

  /** In this process, which a file may end: for files that the person at this machine has named. */
  Opener HERE = Opening::open;

  /**
   * Returns once the file has been opened and tried.
   *
   * @param work a directory of its own for temporary files, and for what is {@link Opening#MADE}
   * @param listener hears every now and then how far it is; throws if it is to be given up
   * @throws RuntimeException of the file's kind if it cannot be used, or ended who opened it
   */
  void open(Opening opening, Path work, PreparationListener listener) throws IOException;

  /**
   * The same where nobody asks how far it is.
   *
   * @param stop throws if it is to be given up
   */
  default void open(Opening opening, Path work, Runnable stop) throws IOException {
    open(opening, work, (PreparationListener) sentence -> stop.run());
  }
}
