package dev.atelier.artifacts;

import dev.atelier.dataset.SourceGuard;
import dev.atelier.opening.Opener;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.work.LocalFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Files of the store that this machine has already fetched, by content hash, within a bound.
 * Several processes may share the directory: a file appears in it whole or not at all. What a
 * process uses is linked into its own directory, so that nobody takes it away.
 */
public final class ArtifactCache implements LocalFiles {

  private final Path directory;
  private final Path objects;
  private final ObjectStore store;
  private final CacheBound bound;
  private final FilesInUse inUse = new FilesInUse();
  private final Map<String, Object> gates = new ConcurrentHashMap<>(); // one fetch of each file
  private final WorkArea work;
  private final SourceGuard guard;
  private final Opener opener;
  private final List<RunningWork.Note> killed;

  /** Opens the cache for sources anywhere. */
  public ArtifactCache(Path directory, ObjectStore store) {
    this(directory, OptionalLong.empty(), store, SourceGuard.OPEN, Opener.HERE);
  }

  /**
   * Opens the cache, and removes what processes that were killed have left in it.
   *
   * @param mostBytes of the store's files; absent: four fifths of what the disk has for them
   * @param guard where users' sources may lie
   * @param opener tries users' files before this process opens them
   */
  public ArtifactCache(
      Path directory, OptionalLong mostBytes, ObjectStore store, SourceGuard guard, Opener opener) {
    this.guard = guard;
    this.opener = opener;
    this.directory = directory;
    this.objects = directory.resolve("objects");
    this.bound = new CacheBound(objects, mostBytes);
    this.store = store;
    this.work = new WorkArea(directory.resolve("work"));
    try {
      killed = List.copyOf(work.removeAbandoned());
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot clean up '%s'.".formatted(directory), e);
    }
  }

  /**
   * The local copy of an object whose content is {@code sha256}; fetched on first use, and again
   * when the copy is damaged. It stays until the work ends that is under way.
   */
  @Override
  public Path file(String key, String sha256) {
    Path shared = objects.resolve(sha256);
    try {
      Path own = Files.createDirectories(work.own().resolve("used")).resolve(sha256);
      inUse.ask(own);
      synchronized (gates.computeIfAbsent(sha256, unused -> new Object())) {
        if (!isWhole(own, sha256)) {
          Files.deleteIfExists(own);
          if (!link(own, shared) || !isWhole(own, sha256)) {
            Files.deleteIfExists(own);
            Files.deleteIfExists(shared);
            store.fetch(key, sha256, own);
            Files.createDirectories(objects);
            link(shared, own);
            bound.keep();
          }
        }
      }
      bound.used(own);
      return own;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write below '%s'.".formatted(directory), e);
    }
  }

  private static boolean isWhole(Path file, String sha256) {
    return Files.exists(file) && Sha256.of(file).equals(sha256);
  }

  /** Gives a file another name; false: there is no such file. */
  private static boolean link(Path name, Path file) throws IOException {
    try {
      Files.createLink(name, file);
      return true;
    } catch (NoSuchFileException e) {
      return false;
    } catch (FileAlreadyExistsException e) {
      return true; // another process has fetched it meanwhile
    } catch (UnsupportedOperationException | FileSystemException e) {
      Files.copy(file, name, StandardCopyOption.REPLACE_EXISTING); // a disk without links
      return true;
    }
  }

  /** Where files of users' sources are kept between attempts. */
  public Path downloads() {
    return directory.resolve("downloads");
  }

  /** Where users' sources may lie. */
  public SourceGuard guard() {
    return guard;
  }

  /** What processes of this machine were at that did not end as they should. */
  public List<RunningWork.Note> killed() {
    return killed;
  }

  /** The notes of what this process is at. */
  public RunningWork running() {
    try {
      return new RunningWork(work.own());
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write below '%s'.".formatted(directory), e);
    }
  }

  /** Tries users' files. */
  public Opener opener() {
    return opener;
  }

  /**
   * A directory for work that nobody else sees; closing deletes it, and ends what the work may use
   * of the cache.
   */
  public WorkDirectory newWorkDirectory(String prefix) {
    try {
      Path path = Files.createTempDirectory(work.own(), prefix);
      long begun = inUse.begin();
      return new WorkDirectory(path, () -> inUse.end(begun));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write below '%s'.".formatted(directory), e);
    }
  }
}
