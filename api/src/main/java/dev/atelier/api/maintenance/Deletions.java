package dev.atelier.api.maintenance;

import dev.atelier.api.spec.SpecJson;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.StoreUnavailableException;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/**
 * Deletes experiments: first, in one transaction, their rows, with a note of where their objects
 * lie; then the objects. What is cut off in between is finished later, from the note.
 *
 * <p>What other experiments have taken over stays: a model that others use is handed over to the
 * first of them with its curves, and no object is removed that a row refers to.
 */
@ApplicationScoped
public class Deletions {

  private static final Logger LOG = Logger.getLogger(Deletions.class);

  private final Jdbi jdbi;
  private final ObjectStore store;
  private final References references;

  Deletions(Jdbi jdbi, ObjectStore store, References references) {
    this.jdbi = jdbi;
    this.store = store;
    this.references = references;
  }

  /** Deletes the rows of an ended experiment, as part of a transaction. */
  public static void deleteRows(Handle handle, String experimentId) {
    handOver(handle, experimentId);
    Set<String> prefixes = new TreeSet<>();
    prefixes.add("experiments/%s/".formatted(experimentId));
    prefixes.addAll(
        handle
            .createQuery(
                """
                select regexp_replace(c.manifest_key, '[^/]*$', '') as key
                from checkpoint c join model m on m.id = c.model_id where m.experiment_id = :id
                union select object_key from artifact where experiment_id = :id
                union select start_key from model
                  where experiment_id = :id and start_key is not null
                """)
            .bind("id", experimentId)
            .mapTo(String.class)
            .list());
    handle.execute("delete from experiment where id = ?", experimentId);
    note(handle, "experiment " + experimentId, prefixes);
  }

  /** Deletes the rows of an ended study, but not those of its experiments. */
  public static void deleteStudyRows(Handle handle, String studyId) {
    handle.execute("delete from study where id = ?", studyId);
    note(handle, "study " + studyId, Set.of("studies/%s/".formatted(studyId)));
  }

  /** Notes that what no row refers to, of the objects below the prefixes, is to be removed. */
  static void note(Handle handle, String what, Set<String> prefixes) {
    handle
        .createUpdate("insert into deletion (what, prefixes) values (:what, cast(:json as jsonb))")
        .bind("what", what)
        .bind("json", SpecJson.write(prefixes))
        .execute();
  }

  /** Each model that others have taken over goes to the first of them, with its curves. */
  private static void handOver(Handle handle, String experimentId) {
    // Whoever is taking one over just now is waited for.
    handle
        .createQuery("select id from model where experiment_id = :id for update")
        .bind("id", experimentId)
        .mapTo(Long.class)
        .list();
    handle.execute("drop table if exists heir");
    handle.execute(
        """
        create temporary table heir on commit drop as
        select m.id as source, min(o.id) as heir
        from model m join model o on o.reused_from = m.id and o.experiment_id <> m.experiment_id
        where m.experiment_id = ? group by m.id
        """,
        experimentId);
    handle.execute(
        """
        update metric_point p set model_id = h.id from heir join model h on h.id = heir.heir
        where p.model_id = heir.source and h.curves is null
          and not exists (select 1 from metric_point where model_id = h.id)
        """);
    handle.execute(
        """
        update model h set curves = s.curves from heir join model s on s.id = heir.source
        where h.id = heir.heir and h.curves is null
        """);
    handle.execute(
        """
        update model o set reused_from = case when o.id = heir.heir then null else heir.heir end
        from heir where o.reused_from = heir.source
        """);
  }

  /** Removes the objects of what was deleted; what fails is tried again the next time. */
  @Scheduled(
      every = "{atelier.maintenance.deletions-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  public void removeObjects() {
    for (long id : pending()) {
      try {
        remove(id);
      } catch (StoreUnavailableException e) {
        LOG.warnf("%s; objects of deleted experiments are removed later.", e.getMessage());
        return;
      }
    }
  }

  private List<Long> pending() {
    return jdbi.withHandle(
        handle ->
            handle.createQuery("select id from deletion order by id").mapTo(Long.class).list());
  }

  private void remove(long id) {
    List<String> prefixes =
        jdbi.withHandle(
                handle ->
                    handle
                        .createQuery("select prefixes from deletion where id = :id")
                        .bind("id", id)
                        .map(
                            (row, context) ->
                                List.of(SpecJson.read(row.getString("prefixes"), String[].class)))
                        .findOne())
            .orElse(List.of());
    for (String prefix : prefixes) {
      List<String> keys = new ArrayList<>();
      store.list(prefix, object -> keys.add(object.key()));
      Set<String> referred = references.among(keys);
      keys.stream().filter(key -> !referred.contains(key)).forEach(store::delete);
    }
    jdbi.useHandle(handle -> handle.execute("delete from deletion where id = ?", id));
  }
}
