package dev.atelier.store;

import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.vocabulary.EventKind;
import java.util.Optional;
import javax.sql.DataSource;
import org.jdbi.v3.core.Handle;

/** The audit trail of experiments. Methods are as those of {@link ExperimentHistory}. */
public final class EventHistory {

  private final Database database;

  public EventHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /** Adds a line to the experiment's audit trail. */
  public void record(String experimentId, EventKind kind, String detail) {
    database.inTransaction(handle -> add(handle, experimentId, kind, Optional.empty(), detail));
  }

  /** Adds a line as part of a transaction. */
  static Object add(
      Handle handle, String experimentId, EventKind kind, Optional<ModelKey> key, String detail) {
    return add(handle, experimentId, kind, key, detail, "");
  }

  /** Adds a line that the experiment hasn't yet. */
  static Object addOnce(
      Handle handle, String experimentId, EventKind kind, Optional<ModelKey> key, String detail) {
    return add(
        handle,
        experimentId,
        kind,
        key,
        detail,
        """
        and not exists (select 1 from event where experiment_id = :id and kind = :kind
          and model_key is not distinct from :key and detail = :detail)
        """);
  }

  /**
   * Adds the line of a request, once: an activity whose answer was lost comes again before anything
   * else happens to the model, or to the experiment where it is about no model.
   */
  static Object addRequest(
      Handle handle, String experimentId, EventKind kind, Optional<ModelKey> key, String detail) {
    return add(
        handle,
        experimentId,
        kind,
        key,
        detail,
        """
        and not coalesce(
          (select kind = :kind and detail = :detail from event
           where experiment_id = :id and model_key is not distinct from :key
           order by id desc limit 1), false)
        """);
  }

  private static Object add(
      Handle handle,
      String experimentId,
      EventKind kind,
      Optional<ModelKey> key,
      String detail,
      String condition) {
    return handle
        .createUpdate(
            """
            insert into event (experiment_id, kind, model_key, detail)
            select id, :kind, :key, :detail from experiment where id = :id
            """
                + condition)
        .bind("id", experimentId)
        .bind("kind", kind.word())
        .bind("key", key.map(ModelKey::value))
        .bind("detail", detail)
        .execute();
  }
}
