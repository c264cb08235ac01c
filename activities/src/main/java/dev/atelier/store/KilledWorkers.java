package dev.atelier.store;

import dev.atelier.store.objects.StoreUnavailableException;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * How often in a row an activity has ended its worker's process, in Postgres; throws {@link
 * StoreUnavailableException}.
 */
public final class KilledWorkers {

  private final Database database;

  public KilledWorkers(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /**
   * An attempt ended its worker's process. One that came further than all before it, by a step of
   * its model or a measurement of its experiment, is the first in a new row.
   *
   * @param activity names it for all of its attempts
   * @param experimentId whose it is; empty: no experiment's, and so without progress
   * @param modelKey what it trains, if it trains something
   */
  public void recordKilled(
      String activity, Optional<String> experimentId, Optional<String> modelKey) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into killed_worker (activity, in_a_row, progress)
                    select :activity, 1, p.progress from (
                      select coalesce((select max(a.last_step) from attempt a
                               join model m on m.id = a.model_id
                               where m.experiment_id = :experiment and m.key = :model), 0)
                           + (select count(*) from candidate where experiment_id = :experiment)
                           as progress) p
                    on conflict (activity) do update set
                      in_a_row = case when excluded.progress > killed_worker.progress then 1
                                      else killed_worker.in_a_row + 1 end,
                      progress = greatest(excluded.progress, killed_worker.progress),
                      noticed_at = now()
                    """)
                .bind("activity", activity)
                .bind("experiment", experimentId.orElse(""))
                .bind("model", modelKey.orElse(""))
                .execute());
  }

  /** How many attempts in a row have ended their worker's process. */
  public int inARow(String activity) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery("select in_a_row from killed_worker where activity = :activity")
                .bind("activity", activity)
                .mapTo(Integer.class)
                .findOne()
                .orElse(0));
  }

  /** An attempt ended as it should, whatever came of it: the row begins anew. */
  public void forget(String activity) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate("delete from killed_worker where activity = :activity")
                .bind("activity", activity)
                .execute());
  }
}
