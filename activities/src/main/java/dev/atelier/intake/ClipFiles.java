package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.HubDownload;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.evaluation.ClipFolder;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.intake.FolderCopies.Copy;
import dev.atelier.intake.RemoteFolder.RemoteFile;
import dev.atelier.pipeline.ClipModel;
import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourceLocation.HubModel;
import dev.atelier.spec.SourceLocation.StoredFolder;
import dev.atelier.store.ObjectCorruptException;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Brings a user's CLIP model to this machine. */
final class ClipFiles {

  private final ObjectStore store;
  private final ArtifactCache cache;
  private final RemoteSources sources;

  ClipFiles(ObjectStore store, ArtifactCache cache) {
    this.store = store;
    this.cache = cache;
    this.sources = new RemoteSources(store, cache);
  }

  /**
   * The folder that {@code source} names.
   *
   * @param notices hears what whoever uses it should know
   * @throws ExtractorException if it cannot be fetched, or has no weights
   */
  ClipFolder fetch(String source, PreparationListener notices) throws IOException {
    try {
      SourceLocation location = SourceLocation.parse(source);
      if (location instanceof HubModel model) {
        cache.guard().require(location, DatasetPreparation.shown(source));
        HubDownload hub = new HubDownload(cache.downloads(), notices, cache.guard());
        return copied(new RemoteFolder.OfHub(hub, model));
      }
      if (location instanceof StoredFolder folder) {
        cache.guard().require(location, DatasetPreparation.shown(source));
        return copied(new RemoteFolder.Stored(store, folder));
      }
      return found(
          new DatasetPreparation(cache.downloads(), sources::fetch, notices, cache.guard())
              .fetch(source));
    } catch (SourceLocation.MalformedSourceException e) {
      throw refused(source, "it " + e.getMessage(), e);
    } catch (DatasetException | ObjectCorruptException | IllegalArgumentException e) {
      throw refused(source, e.getMessage(), e);
    }
  }

  private ClipFolder copied(RemoteFolder remote) throws IOException {
    Copy copy =
        new FolderCopies(cache.downloads(), cache.guard().limits()).of(remote, ClipModel::choose);
    for (RemoteFile file : copy.files()) {
      Path here = copy.folder().resolve(file.name());
      if (file.sha256().isPresent() && !file.sha256().get().equals(Sha256.of(here))) {
        Files.delete(here);
        throw new IllegalArgumentException(
            "'%s' has not the SHA-256 that was listed, %s; the file is not kept, and the next try fetches it again"
                .formatted(file.name(), file.sha256().get()));
      }
    }
    return new ClipFolder(
        copy.folder(), remote.name(), copy.files().stream().map(RemoteFile::name).toList());
  }

  private ClipFolder found(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IllegalArgumentException("expected a folder, found a file");
    }
    List<String> names = new ArrayList<>();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.toList()) {
        if (Files.isSymbolicLink(entry) && Files.exists(entry)) {
          cache.guard().requireRealPath(entry); // links lead where files might lie themselves
        }
        if (Files.isRegularFile(entry)) {
          names.add(entry.getFileName().toString());
        }
      }
    }
    return new ClipFolder(folder, folder.getFileName().toString(), ClipModel.choose(names));
  }

  private static ExtractorException refused(String source, String reason, Throwable cause) {
    return new ExtractorException(
        "The CLIP model '%s' cannot be used: %s."
            .formatted(DatasetPreparation.shown(source), reason.replaceFirst("\\.$", "")),
        cause);
  }
}
