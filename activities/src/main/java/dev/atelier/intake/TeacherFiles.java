package dev.atelier.intake;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.network.files.TeacherException;
import dev.atelier.store.ObjectStore;
import java.nio.file.Path;

/** Brings a user's teacher to this machine. */
public final class TeacherFiles {

  private final ArtifactCache cache;
  private final RemoteSources sources;

  public TeacherFiles(ObjectStore store, ArtifactCache cache) {
    this.cache = cache;
    this.sources = new RemoteSources(store, cache);
  }

  /**
   * The file or directory that {@code source} names.
   *
   * @param notices hears what whoever uses it should know
   * @throws TeacherException if it cannot be fetched
   */
  public Path fetch(String source, PreparationListener notices) {
    try {
      return preparation(notices).fetch(source);
    } catch (DatasetException e) {
      throw new TeacherException(shown(source), e.getMessage().replaceFirst("\\.$", ""), e);
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

  /** The source without user and (signed) query, for messages. */
  public static String shown(String source) {
    return DatasetPreparation.shown(source);
  }
}
