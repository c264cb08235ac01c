package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.HubDownload;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.intake.FolderCopies.Copy;
import dev.atelier.intake.RemoteFolder.RemoteFile;
import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourceLocation.HubModel;
import dev.atelier.spec.SourceLocation.StoredFolder;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;

/** Brings users' models to this machine: folders or files. */
final class ModelFolders {

  private final ObjectStore store;
  private final ArtifactCache cache;
  private final RemoteSources sources;

  ModelFolders(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
    this.sources = new RemoteSources(store, cache);
  }

  /** What a source is, once it is here. */
  sealed interface Brought {
    /**
     * A copy of some files of a folder elsewhere, each with the SHA-256 that was listed, if one
     * was.
     *
     * @param sha256 of each, by its name
     */
    record Copied(RemoteFolder remote, Copy copy, Map<String, String> sha256) implements Brought {}

    /** What lies here as one file or folder. */
    record Here(SourceLocation location, Path path) implements Brought {}
  }

  /** It cannot be brought; the message is a clause. */
  static final class UnavailableException extends Exception {
    private static final long serialVersionUID = 1L;

    private UnavailableException(String clause, Throwable cause) {
      super(clause.replaceFirst("\\.$", ""), cause);
    }
  }

  /** Makes of what was brought what is wanted. */
  interface Reader<T> {
    T read(Brought brought) throws IOException;
  }

  /**
   * Brings {@code source}.
   *
   * @param chosen which files of a folder elsewhere, of the names of all
   * @param notices hears what whoever uses it should know
   * @param reader may throw an IllegalArgumentException, a clause, if it does not fit
   */
  <T> T fetch(
      String source,
      Function<Collection<String>, List<String>> chosen,
      PreparationListener notices,
      Reader<T> reader)
      throws IOException, UnavailableException {
    try {
      SourceLocation location = SourceLocation.parse(source);
      if (location instanceof HubModel model) {
        cache.guard().require(location, DatasetPreparation.shown(source));
        HubDownload hub = new HubDownload(cache.downloads(), notices, cache.guard());
        return reader.read(copied(new RemoteFolder.OfHub(hub, model), chosen));
      }
      if (location instanceof StoredFolder folder) {
        cache.guard().require(location, DatasetPreparation.shown(source));
        return reader.read(copied(new RemoteFolder.Stored(store, folder), chosen));
      }
      return reader.read(new Brought.Here(location, preparation(notices).fetch(source)));
    } catch (SourceLocation.MalformedSourceException e) {
      throw new UnavailableException("it " + e.getMessage(), e);
    } catch (DatasetException | ObjectCorruptException | IllegalArgumentException e) {
      throw new UnavailableException(e.getMessage(), e);
    }
  }

  private Brought.Copied copied(
      RemoteFolder remote, Function<Collection<String>, List<String>> chosen) throws IOException {
    Copy copy = new FolderCopies(cache.downloads(), cache.guard().limits()).of(remote, chosen);
    Map<String, String> hashes = new LinkedHashMap<>();
    for (RemoteFile file : copy.files()) {
      Path here = copy.folder().resolve(file.name());
      String found = Sha256.of(here);
      if (!file.sha256().orElse(found).equals(found)) {
        Files.delete(here);
        throw new IllegalArgumentException(
            "expected '%s' to have the SHA-256 %s, found %s; the file is not kept, and the next try fetches it again"
                .formatted(file.name(), file.sha256().orElseThrow(), found));
      }
      hashes.put(file.name(), found);
    }
    return new Brought.Copied(remote, copy, hashes);
  }

  /** Links of a folder lead where its files might lie themselves. */
  void requireLinksInside(Path folder) throws IOException {
    for (Path entry : list(folder)) {
      requireInside(entry);
      if (Files.isDirectory(entry)) {
        for (Path inner : list(entry)) {
          requireInside(inner);
        }
      }
    }
  }

  private void requireInside(Path path) throws IOException {
    if (Files.isSymbolicLink(path) && Files.exists(path)) {
      cache.guard().requireRealPath(path);
    }
  }

  static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.toList();
    }
  }

  /** Forgets the kept file of a web server; a clause that says so, or nothing. */
  String drop(String source) {
    return preparation(sentence -> {}).drop(source);
  }

  private DatasetPreparation preparation(PreparationListener listener) {
    return new DatasetPreparation(cache.downloads(), sources, listener, cache.guard());
  }
}
