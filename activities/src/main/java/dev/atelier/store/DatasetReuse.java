package dev.atelier.store;

import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.vocabulary.EventKind;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * Which datasets are equal, told by their fingerprints, and which experiment prepares those that
 * several want. Methods are as those of {@link ExperimentHistory}.
 */
public final class DatasetReuse {

  /** What was said of a dataset when it was prepared. */
  private static final List<EventKind> OF_THE_DATASET =
      List.of(EventKind.CLASSES_FOUND, EventKind.IMAGES_SKIPPED, EventKind.FILES_PASSED_OVER);

  private final Database database;

  public DatasetReuse(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /** A dataset that another experiment has prepared. */
  public record PreparedElsewhere(String experimentId, DatasetRef dataset) {}

  /** Datasets that others have prepared from the same content in the same way. */
  public List<PreparedElsewhere> datasets(String experimentId, String fingerprint) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select distinct on (e.dataset ->> 'sha256') e.id, e.dataset
                    from experiment e
                    where e.dataset_fingerprint = :fingerprint and e.id <> :id
                      and e.project = (select project from experiment where id = :id)
                      and e.dataset is not null
                    order by e.dataset ->> 'sha256', e.created_at
                    """)
                .bind("fingerprint", fingerprint)
                .bind("id", experimentId)
                .map(
                    (row, context) ->
                        new PreparedElsewhere(
                            row.getString("id"),
                            JsonColumn.read(row.getString("dataset"), DatasetRef.class)))
                .list());
  }

  /** Remembers what this experiment's dataset was prepared from, and that it is there. */
  public void recordPrepared(String experimentId, String fingerprint) {
    database.inTransaction(
        handle -> {
          handle.execute(
              "update experiment set dataset_fingerprint = ? where id = ?",
              fingerprint,
              experimentId);
          return WorkClaims.release(handle, experimentId, WorkClaims.DATASET);
        });
  }

  /**
   * Makes the dataset that another experiment has prepared this one's, with what was said of it.
   */
  public void recordReused(String experimentId, PreparedElsewhere source) {
    database.inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  update experiment e
                  set dataset = s.dataset, dataset_fingerprint = s.dataset_fingerprint
                  from experiment s where e.id = :id and s.id = :source
                  """)
              .bind("id", experimentId)
              .bind("source", source.experimentId())
              .execute();
          handle
              .createUpdate(
                  """
                  insert into event (experiment_id, kind, detail)
                  select :id, kind, detail from event s
                  where experiment_id = :source
                    and kind in (<kinds>)
                    and not exists (select 1 from event
                      where experiment_id = :id and kind = s.kind and detail = s.detail)
                  order by s.id
                  """)
              .bind("id", experimentId)
              .bind("source", source.experimentId())
              .bindList("kinds", OF_THE_DATASET.stream().map(EventKind::word).toList())
              .execute();
          EventHistory.addOnce(
              handle,
              experimentId,
              EventKind.DATASET_REUSED,
              Optional.empty(),
              "experiment %s has prepared the same images".formatted(source.experimentId()));
          return true;
        });
  }

  /**
   * Makes this experiment the one that prepares a dataset, unless another is at it: the answer is
   * its id. A claim holds until the dataset is there or the experiment has gone on without it.
   */
  public Optional<String> claimDataset(String experimentId, String fingerprint) {
    return WorkClaims.claim(database, experimentId, WorkClaims.DATASET, fingerprint);
  }
}
