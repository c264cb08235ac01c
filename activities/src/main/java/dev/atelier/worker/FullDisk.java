package dev.atelier.worker;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.stream.Stream;

/** Tells that this machine has no room for a file. */
final class FullDisk {

  // What the C library says of ENOSPC, EDQUOT and EFBIG; Java passes on nothing else.
  private static final String[] SENTENCES = {
    "No space left on device", "Disk quota exceeded", "File too large"
  };

  private FullDisk() {}

  /** The failure to write a file that {@code failure} comes from, if it comes from one. */
  static Optional<Throwable> behind(Throwable failure) {
    return Stream.iterate(failure, cause -> cause != null, Throwable::getCause)
        .filter(cause -> cause instanceof IOException || cause instanceof UncheckedIOException)
        .filter(FullDisk::saysSo)
        .findFirst();
  }

  private static boolean saysSo(Throwable cause) {
    String message = String.valueOf(cause.getMessage());
    return Stream.of(SENTENCES).anyMatch(message::contains);
  }
}
