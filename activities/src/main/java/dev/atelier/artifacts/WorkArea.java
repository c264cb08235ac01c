package dev.atelier.artifacts;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A directory that worker processes share, in which each has one of its own. The lock in it ends
 * with its process, however that ends: what lies in a directory without a locked lock is abandoned.
 */
public final class WorkArea {

  private static final String LOCK = "lock";
  private static final String OWN = "worker-";

  private final Path directory;
  private Optional<Own> own = Optional.empty(); // guarded by this

  /** The lock is held for as long as this process lives. */
  private record Own(Path directory, FileLock lock) {}

  WorkArea(Path directory) {
    this.directory = directory;
  }

  /** This process's own directory. */
  synchronized Path own() throws IOException {
    if (own.isEmpty()) {
      Files.createDirectories(directory);
      try (FileChannel gate = open(directory.resolve(LOCK))) {
        var unused = gate.lock(); // nobody must see the directory before its lock is held
        Path fresh = Files.createTempDirectory(directory, OWN);
        own = Optional.of(new Own(fresh, open(fresh.resolve(LOCK)).lock()));
      }
    }
    return own.get().directory();
  }

  /**
   * Deletes the directories of processes that are no more. Before {@link #own}.
   *
   * @return what those were at that did not end as they should
   */
  List<RunningWork.Note> removeAbandoned() throws IOException {
    List<RunningWork.Note> killed = new ArrayList<>();
    if (!Files.isDirectory(directory)) {
      return killed;
    }
    try (FileChannel gate = open(directory.resolve(LOCK))) {
      var unused = gate.lock();
      for (Path worker : directories()) {
        try (FileChannel channel = open(worker.resolve(LOCK));
            FileLock abandoned = channel.tryLock()) {
          if (abandoned != null) {
            killed.addAll(RunningWork.leftIn(worker));
            WorkDirectory.delete(worker);
          }
        } catch (OverlappingFileLockException e) {
          // of this process
        }
      }
    }
    return killed;
  }

  private List<Path> directories() throws IOException {
    try (Stream<Path> found = Files.list(directory)) {
      return found.filter(path -> path.getFileName().toString().startsWith(OWN)).toList();
    }
  }

  private static FileChannel open(Path lock) throws IOException {
    return FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
  }
}
