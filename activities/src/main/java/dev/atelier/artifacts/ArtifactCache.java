package dev.atelier.artifacts;

import dev.atelier.dataset.SourceGuard;
import dev.atelier.opening.Opener;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.Sha256;
import dev.atelier.work.LocalFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Files of the store that this machine has already fetched, by content hash. Several processes may
 * share the directory: a file appears in it whole or not at all.
 */
public final class ArtifactCache implements LocalFiles {

  private final Path directory;
  private final ObjectStore store;
  private final WorkArea work;
  private final SourceGuard guard;
  private final Opener opener;
  private final List<RunningWork.Note> killed;

  /** Opens the cache for sources anywhere. */
  public ArtifactCache(Path directory, ObjectStore store) {
    this(directory, store, SourceGuard.OPEN, Opener.HERE);
  }

  /**
   * Opens the cache, and removes what processes that were killed have left in it.
   *
   * @param guard where users' sources may lie
   * @param opener tries users' files before this process opens them
   */
  public ArtifactCache(Path directory, ObjectStore store, SourceGuard guard, Opener opener) {
    this.guard = guard;
    this.opener = opener;
    this.directory = directory;
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
   * when the copy is damaged.
   */
  @Override
  public Path file(String key, String sha256) {
    Path file = directory.resolve("objects").resolve(sha256);
    if (!Files.exists(file) || !Sha256.of(file).equals(sha256)) {
      store.fetch(key, sha256, file);
    }
    return file;
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

  /** A directory for work that nobody else sees; closing deletes it. */
  public WorkDirectory newWorkDirectory(String prefix) {
    try {
      return new WorkDirectory(Files.createTempDirectory(work.own(), prefix));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write below '%s'.".formatted(directory), e);
    }
  }
}
