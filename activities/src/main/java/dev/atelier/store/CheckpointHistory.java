package dev.atelier.store;

import dev.atelier.spec.RetentionSpec;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import dev.atelier.workflows.vocabulary.Series;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import javax.sql.DataSource;

/**
 * Which checkpoints of a model are whole, and where. Methods are as those of {@link
 * ExperimentHistory}.
 */
public final class CheckpointHistory {

  private final Database database;

  public CheckpointHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /**
   * A checkpoint as the database knows it.
   *
   * @param loss mean of the training loss since the checkpoint before, where it is known
   * @param momentsRemoved whether Adam's moments are gone, as nobody trained on from it for long
   */
  public record CheckpointRow(
      int step,
      String manifestKey,
      String manifestSha256,
      OptionalDouble loss,
      boolean momentsRemoved) {

    /** A whole one whose loss doesn't matter. */
    public CheckpointRow(int step, String manifestKey, String manifestSha256) {
      this(step, manifestKey, manifestSha256, OptionalDouble.empty(), false);
    }

    /** Whether a file that its manifest lists is still there. */
    public boolean has(StoredFile file) {
      return !momentsRemoved || !CheckpointPart.momentFiles().contains(file.name());
    }
  }

  /**
   * Commits a checkpoint whose objects are already stored.
   *
   * @throws SupersededException if a newer attempt owns the model
   */
  public void record(
      Attempt attempt, int step, String manifestKey, String manifestSha256, long bytes) {
    database.inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      insert into checkpoint
                        (model_id, step, manifest_key, manifest_sha256, bytes, loss)
                      select id, :step, :key, :sha256, :bytes,
                        (select avg(r.values[array_position(c.series, :loss)])
                         from curves c join metric_report r on r.curves = c.id
                         where c.id = model.curves and r.step <= :step
                           and r.step > coalesce((select max(step) from checkpoint
                             where model_id = :model and step < :step), 0))
                      from model
                      where id = :model and fence = :fence
                      for update
                      on conflict (model_id, step) do update
                      set manifest_key = excluded.manifest_key, bytes = excluded.bytes,
                          manifest_sha256 = excluded.manifest_sha256, loss = excluded.loss,
                          moments_removed_at = null, created_at = now()
                      """)
                  .bind("model", attempt.modelId())
                  .bind("fence", attempt.fence())
                  .bind("step", step)
                  .bind("key", manifestKey)
                  .bind("sha256", manifestSha256)
                  .bind("loss", Series.LOSS.word())
                  .bind("bytes", bytes)
                  .execute();
          return AttemptHistory.requireOwner(changed, attempt);
        });
  }

  /** Those of the manifests that checkpoints of other models refer to as well. */
  public Set<String> sharedManifests(Attempt attempt, Collection<String> manifestKeys) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select distinct manifest_key from checkpoint
                    where manifest_key = any(:keys) and model_id <> :model
                    """)
                .bindArray("keys", String.class, manifestKeys.toArray())
                .bind("model", attempt.modelId())
                .mapTo(String.class)
                .set());
  }

  /** Which checkpoints of the experiment's models stay. */
  public RetentionSpec retention(String experimentId) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    "select spec ->> 'retention' as retention from experiment where id = :id")
                .bind("id", experimentId)
                .map((row, context) -> Optional.ofNullable(row.getString("retention")))
                .findOne()
                .flatMap(found -> found)
                .map(json -> JsonColumn.read(json, RetentionSpec.class))
                .orElse(RetentionSpec.DEFAULTS));
  }

  /** Checkpoints of a model, newest first. */
  public List<CheckpointRow> of(Attempt attempt) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select step, manifest_key, manifest_sha256, loss,
                      moments_removed_at is not null as moments_removed
                    from checkpoint where model_id = :model order by step desc
                    """)
                .bind("model", attempt.modelId())
                .map(
                    (row, context) ->
                        new CheckpointRow(
                            row.getInt("step"),
                            row.getString("manifest_key"),
                            row.getString("manifest_sha256"),
                            Optional.ofNullable((Double) row.getObject("loss"))
                                .filter(Double::isFinite)
                                .map(OptionalDouble::of)
                                .orElseGet(OptionalDouble::empty),
                            row.getBoolean("moments_removed")))
                .list());
  }

  /** Forgets one checkpoint; another one of the same step that has come since is left alone. */
  public void forget(Attempt attempt, CheckpointRow row) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    delete from checkpoint
                    where model_id = :model and step = :step and manifest_key = :key
                    """)
                .bind("model", attempt.modelId())
                .bind("step", row.step())
                .bind("key", row.manifestKey())
                .execute());
  }
}
