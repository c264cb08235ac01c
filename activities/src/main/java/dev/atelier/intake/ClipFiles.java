package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.evaluation.ClipFolder;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.intake.ModelFolders.Brought;
import dev.atelier.pipeline.ClipModel;
import dev.atelier.store.objects.ObjectStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Brings a user's CLIP model to this machine. */
final class ClipFiles {

  private final ModelFolders folders;

  ClipFiles(ObjectStore store, ArtifactCache cache) {
    this.folders = new ModelFolders(store, cache);
  }

  /**
   * The folder that {@code source} names.
   *
   * @param notices hears what whoever uses it should know
   * @throws ExtractorException if it cannot be fetched, or has no weights
   */
  ClipFolder fetch(String source, PreparationListener notices) throws IOException {
    try {
      return folders.fetch(source, ClipModel::choose, notices, this::folder);
    } catch (ModelFolders.UnavailableException e) {
      throw new ExtractorException(
          "The CLIP model '%s' cannot be used: %s."
              .formatted(DatasetPreparation.shown(source), e.getMessage()),
          e);
    }
  }

  private ClipFolder folder(Brought brought) throws IOException {
    if (brought instanceof Brought.Copied copied) {
      return new ClipFolder(
          copied.copy().folder(), copied.remote().name(), List.copyOf(copied.sha256().keySet()));
    }
    Path folder = ((Brought.Here) brought).path();
    if (!Files.isDirectory(folder)) {
      throw new IllegalArgumentException("expected a folder, found a file");
    }
    folders.requireLinksInside(folder);
    List<String> names =
        ModelFolders.list(folder).stream()
            .filter(Files::isRegularFile)
            .map(file -> file.getFileName().toString())
            .toList();
    return new ClipFolder(folder, folder.getFileName().toString(), ClipModel.choose(names));
  }
}
