package dev.atelier.api.maintenance;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.store.Turns;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.vocabulary.ArtifactKind;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/**
 * Takes files of old experiments away, as far as settings say: rows first, a bounded number in each
 * transaction, with a note from which {@link Deletions} removes the objects. What an experiment
 * refers to that goes on or is younger stays.
 */
@ApplicationScoped
public class FileUpkeep {

  private static final Logger LOG = Logger.getLogger(FileUpkeep.class);
  private static final Duration EVERY_HOUR = Duration.ofHours(1); // looks at every old experiment
  private static final int AT_ONCE = 200;

  /** Experiments that ended so long ago. */
  private static final String OLD = "e.finished_at < now() - cast(:age as interval)";

  /** Whether an experiment that goes on, or is younger, has the same checkpoint. */
  private static final String SHARED_WITH_A_YOUNGER_ONE =
      """
      exists (select 1 from checkpoint o
        join model om on om.id = o.model_id join experiment y on y.id = om.experiment_id
        where o.manifest_key = c.manifest_key
          and (y.finished_at is null or y.finished_at >= now() - cast(:age as interval)))
      """;

  private static final String SAMPLES =
      Stream.of(ArtifactKind.GRID, ArtifactKind.GRID_PROMPTS, ArtifactKind.TRAJECTORY)
          .map(kind -> "'" + kind.word() + "'")
          .collect(Collectors.joining(", "));

  private final Jdbi jdbi;
  private final ObjectStore store;
  private final Turns turns;
  private final AtelierConfig.Files config;

  FileUpkeep(Jdbi jdbi, ObjectStore store, Turns turns, AtelierConfig config) {
    this.jdbi = jdbi;
    this.store = store;
    this.turns = turns;
    this.config = config.maintenance().files();
  }

  @Scheduled(
      every = "{atelier.maintenance.upkeep-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void removeOnSchedule() {
    if (!turns.take("old-files", EVERY_HOUR)) {
      return;
    }
    try {
      removeMoments(config.momentsKeptFor());
      config.checkpointsKeptFor().ifPresent(this::removeCheckpoints);
      config.samplesKeptFor().ifPresent(this::removeSamples);
    } catch (StoreUnavailableException e) {
      LOG.warnf("%s; files of old experiments are removed later.", e.getMessage());
    }
  }

  /**
   * Removes Adam's moments of models that are done: only a training that goes on needs them, and an
   * experiment that has ended trains no more.
   */
  void removeMoments(Duration age) {
    List<String> manifests;
    do {
      manifests =
          jdbi.withHandle(
              handle ->
                  handle
                      .createQuery(
                          """
                          select distinct c.manifest_key from checkpoint c
                          join model m on m.id = c.model_id
                          join experiment e on e.id = m.experiment_id
                          where %s and m.state = :done and c.moments_removed_at is null and not %s
                          limit :most
                          """
                              .formatted(OLD, SHARED_WITH_A_YOUNGER_ONE))
                      .bind("age", age.toString())
                      .bind("done", ModelState.DONE.name())
                      .bind("most", AT_ONCE)
                      .mapTo(String.class)
                      .list());
      manifests.forEach(this::removeMomentsOf);
    } while (manifests.size() == AT_ONCE);
  }

  private void removeMomentsOf(String manifestKey) {
    String directory = manifestKey.substring(0, manifestKey.lastIndexOf('/') + 1);
    Set<String> moments =
        CheckpointPart.momentFiles().stream()
            .map(directory::concat)
            .collect(Collectors.toCollection(TreeSet::new));
    List<Long> sizes = new ArrayList<>();
    store.list(
        directory,
        object -> {
          if (moments.contains(object.key())) {
            sizes.add(object.bytes());
          }
        });
    jdbi.useTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  update checkpoint set moments_removed_at = now(), bytes = bytes - :bytes
                  where manifest_key = :manifest and moments_removed_at is null
                  """)
              .bind("bytes", sizes.stream().mapToLong(bytes -> bytes).sum())
              .bind("manifest", manifestKey)
              .execute();
          Deletions.note(handle, "moments of " + manifestKey, moments);
        });
  }

  /**
   * Removes the checkpoints that nobody goes on from: all but a done model's last, which is the
   * model.
   */
  void removeCheckpoints(Duration age) {
    String old =
        """
        delete from checkpoint d using (
          select c.model_id, c.step from checkpoint c
          join model m on m.id = c.model_id
          join experiment e on e.id = m.experiment_id
          where %s and not %s and (m.state <> '%s' or c.step < (
            select max(step) from checkpoint where model_id = c.model_id))
          limit :most) old
        where d.model_id = old.model_id and d.step = old.step
        returning regexp_replace(d.manifest_key, '[^/]*$', '')
        """
            .formatted(OLD, SHARED_WITH_A_YOUNGER_ONE, ModelState.DONE.name());
    removeRows("old checkpoints", old, age);
  }

  /** Removes pictures of samples. */
  void removeSamples(Duration age) {
    String old =
        """
        delete from artifact d using (
          select a.experiment_id, a.name from artifact a
          join experiment e on e.id = a.experiment_id
          where %s and a.kind in (%s)
          limit :most) old
        where d.experiment_id = old.experiment_id and d.name = old.name
        returning d.object_key
        """
            .formatted(OLD, SAMPLES);
    removeRows("old samples", old, age);
  }

  /** Deletes rows, some at a time, and notes which objects they referred to. */
  private void removeRows(String what, String deletion, Duration age) {
    int removed;
    do {
      removed = jdbi.inTransaction(handle -> removeSomeRows(handle, what, deletion, age));
    } while (removed == AT_ONCE);
  }

  private static int removeSomeRows(Handle handle, String what, String deletion, Duration age) {
    List<String> objects =
        handle
            .createQuery(deletion)
            .bind("age", age.toString())
            .bind("most", AT_ONCE)
            .mapTo(String.class)
            .list();
    if (!objects.isEmpty()) {
      Deletions.note(handle, what, new TreeSet<>(objects));
    }
    return objects.size();
  }
}
