package dev.atelier.store;

import dev.atelier.store.CheckpointHistory.CheckpointRow;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.StartRef;
import dev.atelier.workflows.vocabulary.EventKind;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import javax.sql.DataSource;
import org.jdbi.v3.core.Handle;

/**
 * Which models are equal, told by their fingerprints, and which experiment trains those that
 * several want. Methods are as those of {@link ExperimentHistory}.
 */
public final class ModelReuse {

  private final Database database;

  public ModelReuse(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /** An equal model that another experiment has trained. */
  public record Trained(
      long modelId,
      String experimentId,
      ModelKey key,
      CheckpointRow lastCheckpoint,
      Optional<StartRef> start) {}

  /** Where an equal model is being trained now. */
  public record Elsewhere(String experimentId, ModelKey key) {}

  /** Models of other experiments with this fingerprint, the newest first. */
  public List<Trained> trained(String experimentId, String fingerprint) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select m.id, m.experiment_id, m.key, m.start_key, m.start_sha256,
                      c.step, c.manifest_key, c.manifest_sha256,
                      c.moments_removed_at is not null as moments_removed
                    from model m
                    join lateral (
                      select * from checkpoint where model_id = m.id order by step desc limit 1
                    ) c on true
                    where m.fingerprint = :fingerprint and m.state = :done
                      and m.reused_from is null and m.experiment_id <> :id
                      and %s
                    order by m.finished_at desc
                    """
                        .formatted(WorkClaims.SAME_PROJECT.formatted("m")))
                .bind("fingerprint", fingerprint)
                .bind("done", ModelState.DONE.name())
                .bind("id", experimentId)
                .map(
                    (row, context) ->
                        new Trained(
                            row.getLong("id"),
                            row.getString("experiment_id"),
                            new ModelKey(row.getString("key")),
                            new CheckpointRow(
                                row.getInt("step"),
                                row.getString("manifest_key"),
                                row.getString("manifest_sha256"),
                                OptionalDouble.empty(),
                                row.getBoolean("moments_removed")),
                            Optional.ofNullable(row.getString("start_key"))
                                .map(key -> new StartRef(key, startSha256(row)))))
                .list());
  }

  private static String startSha256(ResultSet row) {
    try {
      return row.getString("start_sha256");
    } catch (SQLException e) {
      throw new IllegalStateException("The query has no such column.", e);
    }
  }

  /** Remembers the weights that a model's training began with. */
  public void recordStart(String experimentId, ModelKey key, StartRef start) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    update model set start_key = :start, start_sha256 = :sha256
                    where experiment_id = :id and key = :key
                    """)
                .bind("start", start.objectKey())
                .bind("sha256", start.sha256())
                .bind("id", experimentId)
                .bind("key", key.value())
                .execute());
  }

  /**
   * Makes this model the one with its fingerprint that is trained, unless another experiment that
   * goes on has claimed it before: then nothing changes, and the answer is where that is. A claim
   * holds while the model is trained, and for ten minutes while it waits for a worker.
   *
   * @param useless ids of trained models whose objects are gone
   */
  public Optional<Elsewhere> claim(
      String experimentId, ModelKey key, String fingerprint, Collection<Long> useless) {
    return database.inTransaction(
        handle -> {
          WorkClaims.awaitOthers(handle, fingerprint);
          Optional<Elsewhere> other = claimant(handle, experimentId, fingerprint, useless);
          if (other.isEmpty()) {
            handle
                .createUpdate(
                    """
                    update model
                    set fingerprint = :fingerprint, reused_from = null, claimed_at = now()
                    where experiment_id = :id and key = :key
                    """)
                .bind("fingerprint", fingerprint)
                .bind("id", experimentId)
                .bind("key", key.value())
                .execute();
          }
          return other;
        });
  }

  private static Optional<Elsewhere> claimant(
      Handle handle, String experimentId, String fingerprint, Collection<Long> useless) {
    return handle
        .createQuery(
            """
            select m.experiment_id, m.key
            from model m join experiment e on e.id = m.experiment_id
            where m.fingerprint = :fingerprint and m.experiment_id <> :id and %s
              and m.reused_from is null and not m.id = any(:useless)
              and (m.state = 'DONE' and exists (select 1 from checkpoint where model_id = m.id)
                or e.stage not in ('DONE', 'PARTIAL', 'FAILED', 'CANCELED')
                  and (m.state = 'RUNNING'
                    or m.state = 'PENDING' and m.claimed_at > now() - interval '10 minutes'))
            order by m.id limit 1
            """
                .formatted(WorkClaims.SAME_PROJECT.formatted("m")))
        .bind("fingerprint", fingerprint)
        .bind("id", experimentId)
        .bindArray("useless", Long.class, useless.toArray())
        .map(
            (row, context) ->
                new Elsewhere(row.getString("experiment_id"), new ModelKey(row.getString("key"))))
        .findOne();
  }

  /**
   * Ends a model as a copy of an equal one: its figures and its last checkpoint are that one's.
   *
   * @return false: one of them is no longer there
   */
  public boolean recordReused(
      String experimentId, ModelKey key, String fingerprint, Trained source) {
    return database.inTransaction(
        handle -> {
          Optional<Long> copied =
              handle
                  .createQuery(
                      """
                      update model m
                      set state = s.state, step = s.step, total_steps = s.total_steps,
                          loss = s.loss, images_per_second = s.images_per_second,
                          parameters = s.parameters, macs = s.macs, worker = s.worker,
                          start_key = s.start_key, start_sha256 = s.start_sha256,
                          fingerprint = :fingerprint, reused_from = s.id, fence = m.fence + 1,
                          error_type = null, error_message = null,
                          started_at = coalesce(m.started_at, now()), finished_at = now()
                      from model s
                      where m.experiment_id = :id and m.key = :key and s.id = :source
                      returning m.id
                      """)
                  .bind("fingerprint", fingerprint)
                  .bind("id", experimentId)
                  .bind("key", key.value())
                  .bind("source", source.modelId())
                  .mapTo(Long.class)
                  .findOne();
          if (copied.isEmpty()) {
            return false;
          }
          long model = copied.get();
          handle
              .createUpdate(
                  """
                  insert into checkpoint
                    (model_id, step, manifest_key, manifest_sha256, bytes, moments_removed_at)
                  select :model, step, manifest_key, manifest_sha256, bytes, moments_removed_at
                  from checkpoint where model_id = :source and step = :step
                  on conflict (model_id, step) do update
                  set manifest_key = excluded.manifest_key, bytes = excluded.bytes,
                      manifest_sha256 = excluded.manifest_sha256, created_at = now(),
                      moments_removed_at = excluded.moments_removed_at
                  """)
              .bind("model", model)
              .bind("source", source.modelId())
              .bind("step", source.lastCheckpoint().step())
              .execute();
          EventHistory.addOnce(
              handle,
              experimentId,
              EventKind.MODEL_REUSED,
              Optional.of(key),
              "%s of experiment %s was trained in exactly this way"
                  .formatted(source.key(), source.experimentId()));
          return true;
        });
  }
}
