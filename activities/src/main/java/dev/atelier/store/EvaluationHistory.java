package dev.atelier.store;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.workflows.vocabulary.EventKind;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;

/** The figures of each subject. Methods are as those of {@link ExperimentHistory}. */
public final class EvaluationHistory {

  private final Database database;

  public EvaluationHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /** Keeps what was measured of a subject in place of what was. */
  public void record(String experimentId, Evaluation evaluation) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into evaluation (experiment_id, subject, metric, distance, macs_per_step,
                        parameters, images_per_second, peak_memory_bytes, protocol, metrics,
                        weights_bytes)
                    values (:id, :subject, :metric, :distance, :macsPerStep,
                        :parameters, :imagesPerSecond, :peakMemoryBytes, cast(:protocol as jsonb),
                        cast(:metricsJson as jsonb), :weightsBytes)
                    on conflict (experiment_id, subject) do update
                    set metric = excluded.metric, distance = excluded.distance,
                        macs_per_step = excluded.macs_per_step, parameters = excluded.parameters,
                        images_per_second = excluded.images_per_second,
                        peak_memory_bytes = excluded.peak_memory_bytes,
                        protocol = excluded.protocol, metrics = excluded.metrics,
                        weights_bytes = excluded.weights_bytes, reused_from = null,
                        created_at = now()
                    """)
                .bind("id", experimentId)
                .bind("metricsJson", JsonColumn.write(evaluation.metrics()))
                .bindMethods(evaluation)
                .execute());
  }

  /** The figures of an experiment, by subject. */
  public List<Evaluation> of(String experimentId) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery("select * from evaluation where experiment_id = :id order by subject")
                .bind("id", experimentId)
                .map(
                    (row, context) ->
                        new Evaluation(
                            row.getString("subject"),
                            row.getString("metric"),
                            row.getDouble("distance"),
                            Optional.ofNullable((Double) row.getObject("macs_per_step")),
                            row.getLong("parameters"),
                            row.getDouble("images_per_second"),
                            row.getLong("peak_memory_bytes"),
                            row.getString("protocol"),
                            JsonColumn.figures(row.getString("metrics")),
                            Optional.ofNullable((Long) row.getObject("weights_bytes"))))
                .list());
  }

  /** Forgets the figures of some subjects, and what searches have tried; both no longer hold. */
  public void forget(String experimentId, List<String> subjects, EventKind why) {
    database.inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  delete from evaluation where experiment_id = :id and subject = any(:subjects)
                  """)
              .bind("id", experimentId)
              .bindArray("subjects", String.class, subjects)
              .execute();
          handle
              .createUpdate("delete from candidate where experiment_id = :id")
              .bind("id", experimentId)
              .execute();
          return EventHistory.addRequest(
              handle, experimentId, why, Optional.empty(), String.join(", ", subjects));
        });
  }
}
