package dev.atelier.worker;

import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.network.TeacherException;
import dev.atelier.store.ObjectStore;
import java.nio.file.Path;

/** Brings a user's teacher to this machine. */
final class TeacherFiles {

  private final ArtifactCache cache;
  private final RemoteSources sources;

  TeacherFiles(ObjectStore store, ArtifactCache cache) {
    this.cache = cache;
    this.sources = new RemoteSources(store, cache);
  }

  /**
   * The file or directory that {@code source} names.
   *
   * @throws TeacherException if it cannot be fetched
   */
  Path fetch(String source) {
    try {
      return new DatasetPreparation(
              cache.downloads(), sources::fetch, sentence -> {}, cache.guard())
          .fetch(source);
    } catch (DatasetException e) {
      throw new TeacherException(shown(source), e.getMessage().replaceFirst("\\.$", ""), e);
    }
  }

  /** The source without user and (signed) query, for messages. */
  static String shown(String source) {
    return DatasetPreparation.shown(source);
  }
}
