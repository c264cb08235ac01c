package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.HubDownload;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.intake.FolderCopies.Copy;
import dev.atelier.intake.RemoteFolder.RemoteFile;
import dev.atelier.network.files.DiffusersFiles;
import dev.atelier.network.files.StatedLicense;
import dev.atelier.network.files.TeacherException;
import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourceLocation.HubModel;
import dev.atelier.spec.SourceLocation.StoredFolder;
import dev.atelier.spec.SourceLocation.WebFile;
import dev.atelier.store.ObjectCorruptException;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.Sha256;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.ModelOrigin.TakenFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Brings a user's teacher to this machine. */
public final class TeacherFiles {

  private final ObjectStore store;
  private final ArtifactCache cache;
  private final RemoteSources sources;

  public TeacherFiles(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
    this.sources = new RemoteSources(store, cache);
  }

  /**
   * A teacher on this machine.
   *
   * @param path the file, or the folder
   * @param origin what it was made of, without the types of tensors: no file of it was opened
   */
  public record Fetched(Path path, ModelOrigin origin) {}

  /**
   * The file or folder that {@code source} names.
   *
   * @param variant of a folder's weights; absent: those without one, else the only one
   * @param notices hears what whoever uses it should know
   * @throws TeacherException if it cannot be fetched
   */
  public Fetched fetch(String source, Optional<String> variant, PreparationListener notices) {
    try {
      SourceLocation location = SourceLocation.parse(source);
      if (location instanceof HubModel model) {
        cache.guard().require(location, shown(source));
        HubDownload hub = new HubDownload(cache.downloads(), notices, cache.guard());
        return copied(new RemoteFolder.OfHub(hub, model), source, variant);
      }
      if (location instanceof StoredFolder folder) {
        cache.guard().require(location, shown(source));
        return copied(new RemoteFolder.Stored(store, folder), source, variant);
      }
      return found(preparation(notices).fetch(source), location, source, variant);
    } catch (SourceLocation.MalformedSourceException e) {
      throw refused(source, "it " + e.getMessage(), e);
    } catch (DatasetException | ObjectCorruptException | IllegalArgumentException e) {
      throw refused(source, e.getMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Fetched copied(RemoteFolder remote, String source, Optional<String> variant)
      throws IOException {
    Copy copy = new FolderCopies(cache.downloads(), cache.guard().limits()).of(remote, variant);
    List<TakenFile> taken = new ArrayList<>();
    for (RemoteFile file : copy.files()) {
      TakenFile found = taken(copy.folder().resolve(file.name()), file.name());
      if (!file.sha256().orElse(found.sha256()).equals(found.sha256())) {
        Files.delete(copy.folder().resolve(file.name()));
        throw new IllegalArgumentException(
            "expected '%s' to have the SHA-256 %s, found %s; the file is not kept, and the next try fetches it again"
                .formatted(file.name(), file.sha256().orElseThrow(), found.sha256()));
      }
      taken.add(found);
    }
    Optional<String> revision =
        remote instanceof RemoteFolder.OfHub hub
            ? Optional.of(hub.model().revision())
            : Optional.empty();
    return new Fetched(
        copy.folder(),
        new ModelOrigin(
            shown(source),
            revision,
            StatedLicense.of(copy.folder().resolve(StatedLicense.FILE)).or(copy::license),
            taken));
  }

  /** What lies here as one file or folder; what doesn't is refused once it is read. */
  private Fetched found(Path path, SourceLocation location, String source, Optional<String> variant)
      throws IOException {
    List<TakenFile> taken = new ArrayList<>();
    Optional<String> license = Optional.empty();
    if (Files.isDirectory(path)) {
      requireLinksInside(path);
      for (String name : DiffusersFiles.of(path, variant)) {
        taken.add(taken(path.resolve(name), name));
      }
      license = StatedLicense.of(path.resolve(StatedLicense.FILE));
    } else if (Files.isRegularFile(path)) {
      taken.add(taken(path, name(path, location)));
    }
    return new Fetched(path, new ModelOrigin(shown(source), Optional.empty(), license, taken));
  }

  /** The file's own name; that of a web server's file, as it is kept here, has a hash before it. */
  private static String name(Path path, SourceLocation location) {
    if (location instanceof WebFile web && web.uri().getPath() != null) {
      String last = web.uri().getPath().replaceFirst(".*/", "");
      return last.isEmpty() ? web.uri().getHost() : last;
    }
    return path.getFileName().toString();
  }

  private static TakenFile taken(Path file, String name) throws IOException {
    return new TakenFile(name, Files.size(file), Sha256.of(file), List.of());
  }

  /** Links of a folder lead where its files might lie themselves. */
  private void requireLinksInside(Path folder) throws IOException {
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

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.toList();
    }
  }

  /** The same fault of a teacher that was fetched, which one of a web server is forgotten for. */
  public TeacherException unusable(String source, TeacherException fault) {
    String dropped = preparation(sentence -> {}).drop(source);
    return dropped.isEmpty() ? fault : TeacherException.of(fault.getMessage() + dropped);
  }

  private DatasetPreparation preparation(PreparationListener listener) {
    return new DatasetPreparation(cache.downloads(), sources::fetch, listener, cache.guard());
  }

  private static TeacherException refused(String source, String reason, Throwable cause) {
    return new TeacherException(shown(source), reason.replaceFirst("\\.$", ""), cause);
  }

  /** The source without user and (signed) query, for messages. */
  public static String shown(String source) {
    return DatasetPreparation.shown(source);
  }
}
