package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.intake.ModelFolders.Brought;
import dev.atelier.network.files.DiffusersFiles;
import dev.atelier.network.files.StatedLicense;
import dev.atelier.network.files.TeacherException;
import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourceLocation.WebFile;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.ModelOrigin.TakenFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Brings a user's teacher to this machine. */
public final class TeacherFiles {

  private final ModelFolders folders;

  public TeacherFiles(ObjectStore store, ArtifactCache cache) {
    this.folders = new ModelFolders(store, cache);
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
      return folders.fetch(
          source,
          names -> DiffusersFiles.choose(names, variant),
          notices,
          brought ->
              brought instanceof Brought.Copied copied
                  ? fetched(copied, source)
                  : found((Brought.Here) brought, source, variant));
    } catch (ModelFolders.UnavailableException e) {
      throw new TeacherException(shown(source), e.getMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Fetched fetched(Brought.Copied copied, String source) throws IOException {
    Path folder = copied.copy().folder();
    List<TakenFile> taken = new ArrayList<>();
    for (Map.Entry<String, String> file : copied.sha256().entrySet()) {
      Path here = folder.resolve(file.getKey());
      taken.add(new TakenFile(file.getKey(), Files.size(here), file.getValue(), List.of()));
    }
    Optional<String> revision =
        copied.remote() instanceof RemoteFolder.OfHub hub
            ? Optional.of(hub.model().revision())
            : Optional.empty();
    return new Fetched(
        folder,
        new ModelOrigin(
            shown(source),
            revision,
            StatedLicense.of(folder.resolve(StatedLicense.FILE)).or(copied.copy()::license),
            taken));
  }

  /** What lies here as one file or folder; what doesn't is refused once it is read. */
  private Fetched found(Brought.Here here, String source, Optional<String> variant)
      throws IOException {
    Path path = here.path();
    List<TakenFile> taken = new ArrayList<>();
    Optional<String> license = Optional.empty();
    if (Files.isDirectory(path)) {
      folders.requireLinksInside(path);
      for (String name : DiffusersFiles.of(path, variant)) {
        taken.add(taken(path.resolve(name), name));
      }
      license = StatedLicense.of(path.resolve(StatedLicense.FILE));
    } else if (Files.isRegularFile(path)) {
      taken.add(taken(path, name(path, here.location())));
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

  /** The same fault of a teacher that was fetched, which one of a web server is forgotten for. */
  public TeacherException unusable(String source, TeacherException fault) {
    String dropped = folders.drop(source);
    return dropped.isEmpty() ? fault : TeacherException.of(fault.getMessage() + dropped);
  }

  /** The source without user and (signed) query, for messages. */
  public static String shown(String source) {
    return DatasetPreparation.shown(source);
  }
}
