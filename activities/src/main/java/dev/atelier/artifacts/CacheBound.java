package dev.atelier.artifacts;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the files of a folder that processes share within a bound: those go first that were used
 * longest ago, and none that has another link, which is what a process has of a file that it uses.
 */
final class CacheBound {

  private static final Logger LOG = LoggerFactory.getLogger(CacheBound.class);
  private static final double SHARE = 0.8; // of the disk, beside what others have on it

  private final Path folder;
  private final OptionalLong mostBytes;

  /**
   * @param mostBytes absent: four fifths of what the disk has for the folder
   */
  CacheBound(Path folder, OptionalLong mostBytes) {
    this.folder = folder;
    this.mostBytes = mostBytes;
  }

  private record Kept(Path file, long bytes, FileTime used) {}

  /** Notes that the file is used now, of which this may be another link. */
  void used(Path file) throws IOException {
    Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
  }

  /** Removes files until the others are within the bound, as far as they may be removed. */
  void keep() throws IOException {
    List<Kept> files = files();
    long bytes = files.stream().mapToLong(Kept::bytes).sum();
    long most = mostBytes.orElse((long) (SHARE * (bytes + freeBytes())));
    files.sort(Comparator.comparing(Kept::used));
    long freed = 0;
    for (Kept each : files) {
      if (bytes - freed <= most) {
        break;
      }
      if (remove(each.file())) {
        freed += each.bytes();
      }
    }
    if (freed > 0) {
      LOG.info("Removed {} MB of {} MB from the cache.", freed / 1_000_000, bytes / 1_000_000);
    }
  }

  private static boolean remove(Path file) throws IOException {
    try {
      if ((int) Files.getAttribute(file, "unix:nlink") > 1) {
        return false;
      }
    } catch (NoSuchFileException e) {
      return false;
    }
    return Files.deleteIfExists(file);
  }

  private long freeBytes() throws IOException {
    return Files.getFileStore(folder).getUsableSpace();
  }

  private List<Kept> files() throws IOException {
    List<Kept> kept = new ArrayList<>();
    try (Stream<Path> found = Files.list(folder)) {
      for (Path file : found.toList()) {
        try {
          kept.add(new Kept(file, Files.size(file), Files.getLastModifiedTime(file)));
        } catch (NoSuchFileException e) {
          // another process has removed it
        }
      }
    }
    return kept;
  }
}
