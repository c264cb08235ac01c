package dev.atelier.api.experiment.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.Columns;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.Protocol;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import org.jdbi.v3.core.Jdbi;

/** Figures of experiments in Postgres. */
@ApplicationScoped
public class EvaluationRepository {

  private final Jdbi jdbi;

  EvaluationRepository(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  public List<EvaluationView> evaluations(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select subject, metric, distance, macs_per_step, parameters,
                      images_per_second, peak_memory_bytes, protocol, metrics, weights_bytes,
                      reused_from
                    from evaluation where experiment_id = :id order by created_at, subject
                    """)
                .bind("id", id)
                .map(
                    (row, context) ->
                        new EvaluationView(
                            row.getString("subject"),
                            row.getString("metric"),
                            Columns.finite(row, "distance"),
                            Columns.finite(row, "macs_per_step"),
                            row.getLong("parameters"),
                            row.getDouble("images_per_second"),
                            row.getLong("peak_memory_bytes"),
                            SpecJson.read(row.getString("protocol"), JsonNode.class),
                            Columns.namedNumbers(row, "metrics"),
                            Columns.whole(row, "weights_bytes"),
                            Columns.text(row, "reused_from")))
                .list());
  }

  /** What the search for schedules has tried, in order. */
  public List<ScheduleView> schedules(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select owners, distance, macs_per_step, frontier, estimator
                    from candidate where experiment_id = :id and search = 'SCHEDULE'
                    order by position, name
                    """)
                .bind("id", id)
                .map(
                    (row, context) ->
                        new ScheduleView(
                            List.of(
                                SpecJson.read(row.getString("owners"), ScheduleView.Owner[].class)),
                            Columns.finite(row, "distance"),
                            Columns.finite(row, "macs_per_step"),
                            row.getBoolean("frontier"),
                            Estimator.valueOf(row.getString("estimator"))))
                .list());
  }

  /** How the figures of these experiments were measured. */
  public List<Protocol> protocols(List<String> ids) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select protocol from evaluation
                    where experiment_id = any(:ids) and distance < 'Infinity'
                    order by created_at, experiment_id, subject
                    """)
                .bindArray("ids", String.class, ids)
                .map((row, context) -> SpecJson.read(row.getString("protocol"), Protocol.class))
                .list());
  }
}
