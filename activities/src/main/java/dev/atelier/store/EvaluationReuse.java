package dev.atelier.store;

import dev.atelier.store.ArtifactHistory.Artifact;
import dev.atelier.workflows.vocabulary.EventKind;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * Which figures are equal, told by their fingerprints, and which experiment measures those that
 * several want. Methods are as those of {@link ExperimentHistory}.
 */
public final class EvaluationReuse {

  private final Database database;

  public EvaluationReuse(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /**
   * Makes this experiment the one that measures the figures of a subject, unless another is at it:
   * the answer is its id. A claim holds while the experiment judges, and for ten minutes while it
   * waits for a worker, see {@link #beginEvaluation}.
   */
  public Optional<String> claimEvaluation(String experimentId, String subject, String fingerprint) {
    return WorkClaims.claim(database, experimentId, subject, fingerprint);
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
          return WorkClaims.release(handle, experimentId, subject);
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
                        .formatted(WorkClaims.SAME_PROJECT.formatted("v")))
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
