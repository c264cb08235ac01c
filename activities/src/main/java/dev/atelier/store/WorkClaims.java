package dev.atelier.store;

import java.util.Optional;
import org.jdbi.v3.core.Handle;

/**
 * Which experiment is at work that several want done: the first to ask, until it has done it or can
 * do it no longer.
 */
final class WorkClaims {

  /** What one project has trained or measured says nothing to another, and gives it nothing. */
  static final String SAME_PROJECT =
      "(select project from experiment where id = %s.experiment_id)"
          + " = (select project from experiment where id = :id)";

  /** The work of preparing a dataset, among the subjects that are judged. */
  static final String DATASET = "dataset";

  private WorkClaims() {}

  /** Claims of one fingerprint wait here for one another until the transaction ends. */
  static void awaitOthers(Handle handle, String fingerprint) {
    handle
        .createQuery("select 1 from pg_advisory_xact_lock(hashtextextended(:key, 1))")
        .bind("key", fingerprint)
        .mapTo(Integer.class)
        .one();
  }

  /** Makes this experiment the one that does the work, unless another is at it: its id. */
  static Optional<String> claim(
      Database database, String experimentId, String work, String fingerprint) {
    return database.inTransaction(
        handle -> {
          awaitOthers(handle, fingerprint);
          Optional<String> other =
              handle
                  .createQuery(
                      """
                      select c.experiment_id
                      from work_claim c join experiment e on e.id = c.experiment_id
                      where c.fingerprint = :fingerprint and c.work = :work
                        and c.experiment_id <> :id and %s
                        and case c.work
                            when :dataset then e.stage in ('QUEUED', 'PREPARING_DATASET')
                            else e.stage in ('EVALUATING', 'MERGING') end
                        and (c.begun or c.claimed_at > now() - interval '10 minutes')
                      order by c.claimed_at limit 1
                      """
                          .formatted(SAME_PROJECT.formatted("c")))
                  .bind("fingerprint", fingerprint)
                  .bind("work", work)
                  .bind("dataset", DATASET)
                  .bind("id", experimentId)
                  .mapTo(String.class)
                  .findOne();
          if (other.isPresent()) {
            // Two that were called off and begin again must not wait for each other.
            release(handle, experimentId, work);
          } else {
            handle
                .createUpdate(
                    """
                    insert into work_claim (experiment_id, work, fingerprint, begun)
                    values (:id, :work, :fingerprint, :begun)
                    on conflict (experiment_id, work) do update
                    set fingerprint = excluded.fingerprint, claimed_at = now(),
                        begun = excluded.begun
                    """)
                .bind("id", experimentId)
                .bind("work", work)
                .bind("fingerprint", fingerprint)
                .bind("begun", work.equals(DATASET)) // whoever asks is the one that prepares
                .execute();
          }
          return other;
        });
  }

  /** The work is done, or left to others. */
  static int release(Handle handle, String experimentId, String work) {
    return handle.execute(
        "delete from work_claim where experiment_id = ? and work = ?", experimentId, work);
  }
}
