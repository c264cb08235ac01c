package dev.atelier.api.experiment.model;

import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.vocabulary.Series;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** Curves of trainings in Postgres. */
@ApplicationScoped
public class CurveRepository {

  private static final int POINTS_AT_ONCE = 250_000; // about 12 MB

  private final Jdbi jdbi;

  CurveRepository(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  /** The curves of a model by name: those that are wanted, or all that have points. */
  Map<String, Curve> curves(String id, ModelKey key, MetricSeries.Wanted wanted) {
    Map<String, Curve> curves = new LinkedHashMap<>();
    wanted.names().forEach(name -> curves.put(name, new Curve()));
    jdbi.useHandle(
        handle -> {
          for (long model : trainedModel(handle, id, key)) {
            List<String> names =
                wanted.names().isEmpty() ? seriesOf(handle, model) : wanted.names();
            for (String name : names) {
              Curve curve = curve(handle, model, name, wanted);
              if (curve.size() > 0) {
                curves.put(name, curve);
              }
            }
          }
        });
    return curves;
  }

  /** The model, or that of another experiment which it was taken over from; at most one. */
  private static List<Long> trainedModel(Handle handle, String id, ModelKey key) {
    return handle
        .createQuery(
            """
            select case when m.reused_from is null
                or exists (select 1 from metric_point where model_id = m.id)
              then m.id else m.reused_from end
            from model m where m.experiment_id = :id and m.key = :key
            """)
        .bind("id", id)
        .bind("key", key.value())
        .mapTo(Long.class)
        .list();
  }

  /** Names of a model's series; looks one up after the other, as "distinct" reads every point. */
  private static List<String> seriesOf(Handle handle, long model) {
    return handle
        .createQuery(
            """
            with recursive name as (
              (select series from metric_point where model_id = :model order by series limit 1)
              union all
              select (select series from metric_point where model_id = :model
                and series > name.series order by series limit 1)
              from name where name.series is not null)
            select series from name where series is not null
            """)
        .bind("model", model)
        .mapTo(String.class)
        .list();
  }

  /** Points come as arrays, which cost a third of as many rows, and in parts, to bound memory. */
  private static Curve curve(Handle handle, long model, String series, MetricSeries.Wanted wanted) {
    Curve curve = new Curve();
    long from = wanted.from();
    int found;
    do {
      found =
          handle
              .createQuery(
                  """
                  select coalesce(array_agg(step order by step), '{}') as steps,
                    coalesce(array_agg(value order by step), '{}') as values
                  from (select step, value from metric_point
                    where model_id = :model and series = :series and step between :from and :to
                    order by step limit :limit) p
                  """)
              .bind("model", model)
              .bind("series", series)
              .bind("from", from)
              .bind("to", wanted.to())
              .bind("limit", POINTS_AT_ONCE)
              .map(
                  (row, context) ->
                      curve.addAll(
                          (Integer[]) row.getArray("steps").getArray(),
                          (Double[]) row.getArray("values").getArray()))
              .one();
      from = curve.lastStep() + 1L;
    } while (found == POINTS_AT_ONCE);
    return curve;
  }

  /**
   * A few values of the loss of the model that was last started and has any, by experiment: as many
   * as there are, {@code points} at most.
   */
  public Map<String, List<Double>> losses(List<String> ids, int points) {
    Map<String, List<Double>> losses = new TreeMap<>();
    jdbi.useHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select e.id, p.step, p.value
                    from unnest(:ids) e (id)
                    join lateral (
                      select coalesce(reused_from, id) as id from model
                      where experiment_id = e.id and started_at is not null and exists (
                        select 1 from metric_point
                        where model_id = coalesce(reused_from, model.id) and series = :loss)
                      order by started_at desc, position limit 1) m on true
                    join lateral (
                      select min(step) as low, max(step) as high from metric_point
                      where model_id = m.id and series = :loss) b on b.low is not null
                    cross join generate_series(0, :last) g (i)
                    join lateral (
                      select step, value from metric_point
                      where model_id = m.id and series = :loss
                        and step >= b.low + cast(b.high - b.low as bigint) * g.i / :last
                      order by step limit 1) p on true
                    group by e.id, p.step, p.value
                    order by e.id, p.step
                    """)
                .bindArray("ids", String.class, ids)
                .bind("last", points - 1)
                .bind("loss", Series.LOSS.word())
                .map((row, context) -> Map.entry(row.getString("id"), row.getDouble("value")))
                .forEach(
                    point -> {
                      if (Double.isFinite(point.getValue())) {
                        losses
                            .computeIfAbsent(point.getKey(), id -> new ArrayList<>())
                            .add(point.getValue());
                      }
                    }));
    return losses;
  }
}
