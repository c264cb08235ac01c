package dev.atelier.store;

import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.StartRef;
import dev.atelier.workflows.vocabulary.EventKind;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.jdbi.v3.core.Handle;

/**
 * Which datasets, models and figures are equal, told by their fingerprints, and which experiment
 * makes those that several want. Methods are as those of {@link ExperimentHistory}.
 */
public final class ReuseHistory {

  /** What one project has trained or measured says nothing to another, and gives it nothing. */
  private static final String SAME_PROJECT =
      "(select project from experiment where id = %s.experiment_id)"
          + " = (select project from experiment where id = :id)";

  /** The work of preparing a dataset, among the subjects that are judged. */
  private static final String DATASET = "dataset";

  /** What was said of a dataset when it was prepared. */
  private static final List<EventKind> OF_THE_DATASET =
      List.of(EventKind.CLASSES_FOUND, EventKind.IMAGES_SKIPPED, EventKind.FILES_PASSED_OVER);

  private final Database database;

  public ReuseHistory(DataSource dataSource) {
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
                      c.step, c.manifest_key, c.manifest_sha256
                    from model m
                    join lateral (
                      select * from checkpoint where model_id = m.id order by step desc limit 1
                    ) c on true
                    where m.fingerprint = :fingerprint and m.state = :done
                      and m.reused_from is null and m.experiment_id <> :id
                      and %s
                    order by m.finished_at desc
                    """
                        .formatted(SAME_PROJECT.formatted("m")))
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
                                row.getString("manifest_sha256")),
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
          awaitOtherClaims(handle, fingerprint);
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

  /** Claims of one fingerprint wait here for one another until the transaction ends. */
  private static void awaitOtherClaims(Handle handle, String fingerprint) {
    handle
        .createQuery("select 1 from pg_advisory_xact_lock(hashtextextended(:key, 1))")
        .bind("key", fingerprint)
        .mapTo(Integer.class)
        .one();
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
                .formatted(SAME_PROJECT.formatted("m")))
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
                  insert into checkpoint (model_id, step, manifest_key, manifest_sha256, bytes)
                  select :model, step, manifest_key, manifest_sha256, bytes
                  from checkpoint where model_id = :source and step = :step
                  on conflict (model_id, step) do update
                  set manifest_key = excluded.manifest_key, bytes = excluded.bytes,
                      manifest_sha256 = excluded.manifest_sha256, created_at = now()
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
          return release(handle, experimentId, DATASET);
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
    return claimWork(experimentId, DATASET, fingerprint);
  }

  /**
   * Makes this experiment the one that measures the figures of a subject, unless another is at it:
   * the answer is its id. A claim holds while the experiment judges, and for ten minutes while it
   * waits for a worker, see {@link #beginEvaluation}.
   */
  public Optional<String> claimEvaluation(String experimentId, String subject, String fingerprint) {
    return claimWork(experimentId, subject, fingerprint);
  }

  private Optional<String> claimWork(String experimentId, String work, String fingerprint) {
    return database.inTransaction(
        handle -> {
          awaitOtherClaims(handle, fingerprint);
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

  private static int release(Handle handle, String experimentId, String work) {
    return handle.execute(
        "delete from work_claim where experiment_id = ? and work = ?", experimentId, work);
  }

  /** Says that a worker has begun with what this experiment has claimed. */
  public void beginEvaluation(String experimentId, String subject) {
    database.inTransaction(
        handle ->
            handle.execute(
                "update work_claim set begun = true where experiment_id = ? and work = ?",
                experimentId,
                subject));
  }

  /** Remembers what the figures of a subject were measured of, and that they are there. */
  public void recordEvaluated(String experimentId, String subject, String fingerprint) {
    database.inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  update evaluation set fingerprint = :fingerprint
                  where experiment_id = :id and subject = :subject
                  """)
              .bind("fingerprint", fingerprint)
              .bind("id", experimentId)
              .bind("subject", subject)
              .execute();
          return release(handle, experimentId, subject);
        });
  }

  /** The distance that this experiment has measured of a subject with these inputs, if it has. */
  public Optional<Double> evaluated(String experimentId, String subject, String fingerprint) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select distance from evaluation
                    where experiment_id = :id and subject = :subject and fingerprint = :fingerprint
                    """)
                .bind("id", experimentId)
                .bind("subject", subject)
                .bind("fingerprint", fingerprint)
                .mapTo(Double.class)
                .findOne());
  }

  /** Figures that another experiment has measured, and the objects of their pictures. */
  public record MeasuredElsewhere(String experimentId, List<String> pictureKeys) {}

  /** Who has measured the same models in the same way, the first before the others. */
  public List<MeasuredElsewhere> evaluations(
      String experimentId, String subject, String fingerprint) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select v.experiment_id, array(
                      select object_key from artifact a
                      where a.experiment_id = v.experiment_id and name in (<pictures>)) as keys
                    from evaluation v
                    where v.fingerprint = :fingerprint and v.subject = :subject
                      and v.reused_from is null and v.experiment_id <> :id and %s
                    order by v.created_at
                    """
                        .formatted(SAME_PROJECT.formatted("v")))
                .bind("fingerprint", fingerprint)
                .bind("subject", subject)
                .bind("id", experimentId)
                .bindList("pictures", Artifact.picturesOf(subject))
                .map(
                    (row, context) ->
                        new MeasuredElsewhere(
                            row.getString("experiment_id"),
                            List.of((String[]) row.getArray("keys").getArray())))
                .list());
  }

  /**
   * Gives a subject the figures and the pictures of another experiment; the distance, or nothing if
   * they are no longer there.
   */
  public Optional<Double> takeOverEvaluation(
      String experimentId, String subject, MeasuredElsewhere source) {
    return database.inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  insert into artifact
                    (experiment_id, name, kind, object_key, content_type, bytes, sha256)
                  select :id, name, kind, object_key, content_type, bytes, sha256
                  from artifact where experiment_id = :source and name in (<pictures>)
                  on conflict (experiment_id, name) do update
                  set object_key = excluded.object_key, bytes = excluded.bytes,
                      sha256 = excluded.sha256
                  """)
              .bind("id", experimentId)
              .bind("source", source.experimentId())
              .bindList("pictures", Artifact.picturesOf(subject))
              .execute();
          Optional<Double> distance =
              handle
                  .createQuery(
                      """
                      insert into evaluation (experiment_id, subject, metric, distance,
                        macs_per_step, parameters, images_per_second, peak_memory_bytes, protocol,
                        metrics, weights_bytes, fingerprint, reused_from)
                      select :id, subject, metric, distance, macs_per_step, parameters,
                        images_per_second, peak_memory_bytes, protocol, metrics, weights_bytes,
                        fingerprint, experiment_id
                      from evaluation where experiment_id = :source and subject = :subject
                      on conflict (experiment_id, subject) do update
                      set distance = excluded.distance, reused_from = excluded.reused_from
                      returning distance
                      """)
                  .bind("id", experimentId)
                  .bind("source", source.experimentId())
                  .bind("subject", subject)
                  .mapTo(Double.class)
                  .findOne();
          if (distance.isPresent()) {
            EventHistory.addOnce(
                handle,
                experimentId,
                EventKind.EVALUATION_REUSED,
                Optional.empty(),
                "%s: experiment %s has measured the same models in the same way"
                    .formatted(subject, source.experimentId()));
          }
          return distance;
        });
  }
}
