package dev.atelier.store;

import dev.atelier.report.ExperimentReport;
import dev.atelier.workflows.vocabulary.Series;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.jdbi.v3.core.Handle;

/** What a report says of an experiment. Methods are as those of {@link ExperimentHistory}. */
public final class ReportHistory {

  private final Database database;

  public ReportHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /** The models of an experiment, with their loss curves; a reused one has those of its source. */
  public List<ExperimentReport.Model> models(String experimentId) {
    return database.inTransaction(
        handle -> {
          Curves.moveFormerPoints(handle, experimentId, Optional.empty());
          return handle
              .createQuery(
                  """
                    select m.key, m.range_low, m.range_high, m.state, m.step, m.attempts,
                      coalesce(m.parameters, s.parameters, 0) as parameters,
                      coalesce(m.curves, s.curves) as curves,
                      cast(extract(epoch from m.finished_at - m.started_at) as double precision)
                        as seconds
                    from model m left join model s on s.id = m.reused_from
                    where m.experiment_id = :id order by m.position
                    """)
              .bind("id", experimentId)
              .map(
                  (row, context) ->
                      new ExperimentReport.Model(
                          row.getString("key"),
                          row.getInt("range_low"),
                          row.getInt("range_high"),
                          row.getString("state"),
                          row.getInt("step"),
                          row.getLong("parameters"),
                          row.getInt("attempts"),
                          Optional.ofNullable((Double) row.getObject("seconds")),
                          lossCurve(handle, row.getLong("curves"))))
              .list();
        });
  }

  private static List<ExperimentReport.LossPoint> lossCurve(Handle handle, long curves) {
    return handle
        .createQuery(
            """
            select r.step, v.value
            from curves c join metric_report r on r.curves = c.id
            cross join lateral (select r.values[array_position(c.series, :series)] as value) v
            where c.id = :curves and v.value is not null
            order by r.step
            """)
        .bind("curves", curves)
        .bind("series", Series.LOSS.word())
        .map(
            (row, context) ->
                new ExperimentReport.LossPoint(row.getInt("step"), row.getDouble("value")))
        .list();
  }

  /** The audit trail, oldest first, with times in UTC. */
  public List<ExperimentReport.Event> events(String experimentId) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' as time,
                      kind, coalesce(model_key, '') as model, detail
                    from event where experiment_id = :id order by id
                    """)
                .bind("id", experimentId)
                .map(
                    (row, context) ->
                        new ExperimentReport.Event(
                            row.getString("time"),
                            row.getString("kind"),
                            row.getString("model"),
                            row.getString("detail")))
                .list());
  }
}
