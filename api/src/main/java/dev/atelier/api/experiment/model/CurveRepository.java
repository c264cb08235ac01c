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

  /** Where the points of {@code model m} lie: its own, or those of what it was taken over from. */
  private static final String TRAINED =
      """
      select case when own then m.id else m.reused_from end as model,
        case when own then m.curves
          else (select s.curves from model s where s.id = m.reused_from) end as curves
      from (select m.reused_from is null or m.curves is not null
        or exists (select 1 from metric_point where model_id = m.id) as own) o offset 0
      """;

  private static final String REPORTS =
      """
      select step, value from (
        select step, values[(select array_position(series, :series) from curves where id = :curves)]
          as value
        from metric_report where curves = :curves) r
      where value is not null
      """;

  /** What versions before wrote, and nobody has moved yet. */
  private static final String FORMER_POINTS =
      "select step, value from metric_point where model_id = :model and series = :series";

  /** Each point is looked up, as a list shows a few of many. */
  private static final String LOSSES =
      """
      select e.id, p.step, p.value
      from unnest(:ids) e (id)
      join lateral (
        select t.model, t.curves, c.place
        from model m cross join lateral (%s) t
        left join lateral (
          select array_position(series, :loss) as place from curves where id = t.curves) c on true
        where m.experiment_id = e.id and m.started_at is not null and (
          (select step from metric_report
            where curves = t.curves and values[c.place] is not null order by step limit 1) is not null
          or exists (select 1 from metric_point where model_id = t.model and series = :loss))
        order by m.started_at desc, m.position limit 1) m on true
      cross join lateral (
        select min(step) as low, max(step) as high from (
          (select step from metric_report
            where curves = m.curves and values[m.place] is not null order by step limit 1)
          union all
          (select step from metric_report
            where curves = m.curves and values[m.place] is not null order by step desc limit 1)
          union all
          (select min(step) from metric_point where model_id = m.model and series = :loss)
          union all
          (select max(step) from metric_point where model_id = m.model and series = :loss)) s) b
      cross join generate_series(0, :last) g (i)
      cross join lateral (
        select b.low + cast(b.high - b.low as bigint) * g.i / :last as step) f
      join lateral (
        select step, value from (
          (select step, value, true as former from metric_point
            where model_id = m.model and series = :loss and step >= f.step order by step limit 1)
          union all
          (select step, values[m.place], false from metric_report
            where curves = m.curves and values[m.place] is not null and step >= f.step
            order by step limit 1)) s
        order by step, former desc limit 1) p on true
      group by e.id, p.step, p.value
      order by e.id, p.step
      """
          .formatted(TRAINED);

  private final Jdbi jdbi;

  CurveRepository(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  /**
   * Where the points of a model lie.
   *
   * @param model whose points are in the former form, one row each, until they are moved
   * @param curves those in reports; null: none
   */
  private record Trained(long model, Long curves) {}

  /** The curves of a model by name: those that are wanted, or all that have points. */
  Map<String, Curve> curves(String id, ModelKey key, MetricSeries.Wanted wanted) {
    Map<String, Curve> curves = new LinkedHashMap<>();
    wanted.names().forEach(name -> curves.put(name, new Curve()));
    jdbi.useHandle(
        handle -> {
          for (Trained trained : trained(handle, id, key)) {
            List<String> names =
                wanted.names().isEmpty() ? seriesOf(handle, trained) : wanted.names();
            for (String name : names) {
              Curve curve =
                  curve(handle, REPORTS, trained, name, wanted)
                      .overlaidBy(curve(handle, FORMER_POINTS, trained, name, wanted));
              if (curve.size() > 0) {
                curves.put(name, curve);
              }
            }
          }
        });
    return curves;
  }

  /** The model, or that of another experiment which it was taken over from; at most one. */
  private static List<Trained> trained(Handle handle, String id, ModelKey key) {
    return handle
        .createQuery(
            """
            select t.model, t.curves from model m cross join lateral (%s) t
            where m.experiment_id = :id and m.key = :key
            """
                .formatted(TRAINED))
        .bind("id", id)
        .bind("key", key.value())
        .map(
            (row, context) ->
                new Trained(row.getLong("model"), row.getObject("curves", Long.class)))
        .list();
  }

  /** Names of a model's series; looks former points up one by one: "distinct" reads every point. */
  private static List<String> seriesOf(Handle handle, Trained trained) {
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
            union select unnest(series) from curves where id = :curves
            order by series
            """)
        .bind("model", trained.model())
        .bind("curves", trained.curves())
        .mapTo(String.class)
        .list();
  }

  /** Points come as arrays, which cost a third of as many rows, and in parts, to bound memory. */
  private static Curve curve(
      Handle handle, String form, Trained trained, String series, MetricSeries.Wanted wanted) {
    Curve curve = new Curve();
    long from = wanted.from();
    int found;
    do {
      found =
          handle
              .createQuery(
                  """
                  select coalesce(array_agg(step), '{}') as steps,
                    coalesce(array_agg(value), '{}') as values
                  from (%s and step between :from and :to order by step limit :limit) p
                  """
                      .formatted(form))
              .bind("model", trained.model())
              .bind("curves", trained.curves())
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
                .createQuery(LOSSES)
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
