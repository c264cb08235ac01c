package dev.atelier.store;

import dev.atelier.store.AttemptHistory.MetricPoint;
import dev.atelier.workflows.ModelKey;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.PreparedBatch;

/**
 * The curves of a model, a row for each report: values in the order in which {@code curves.series}
 * names them. As part of a transaction that holds the model's row.
 */
final class Curves {

  private static final int STEPS_AT_ONCE = 5_000; // of points in the former form

  private Curves() {}

  /**
   * Makes the curves of a model its own, before an attempt adds to them: those that others have as
   * well are copied, points in the former form are moved.
   */
  static void own(Handle handle, long modelId) {
    moveFormerPoints(handle, modelId);
    List<Long> shared =
        handle
            .createQuery(
                """
                select m.curves from model m where m.id = :model and exists (
                  select from model o where o.curves = m.curves and o.id <> m.id)
                """)
            .bind("model", modelId)
            .mapTo(Long.class)
            .list();
    for (long curves : shared) {
      handle
          .createUpdate(
              """
              with copy as (
                insert into curves (series) select series from curves where id = :curves
                returning id),
              reports as (
                insert into metric_report (curves, step, values)
                select copy.id, r.step, r.values from copy, metric_report r
                where r.curves = :curves)
              update model set curves = copy.id from copy where model.id = :model
              """)
          .bind("curves", curves)
          .bind("model", modelId)
          .execute();
    }
  }

  /** Moves what the model has in {@code metric_point}, where versions before this one write. */
  static void moveFormerPoints(Handle handle, long modelId) {
    int moved;
    do {
      moved =
          handle
              .createQuery("select move_metric_points(:model, :steps)")
              .bind("model", modelId)
              .bind("steps", STEPS_AT_ONCE)
              .mapTo(Integer.class)
              .one();
    } while (moved > 0);
  }

  /**
   * The same for a model of an experiment, or for all, and those that they were taken over from.
   */
  static void moveFormerPoints(Handle handle, String experimentId, Optional<ModelKey> key) {
    handle
        .createQuery(
            """
            with own as (
              select id, reused_from from model
              where experiment_id = :id and key = coalesce(:key, key))
            select id from own
            union select reused_from from own where reused_from is not null
            order by id
            """)
        .bind("id", experimentId)
        .bind("key", key.map(ModelKey::value).orElse(null))
        .mapTo(Long.class)
        .list()
        .forEach(model -> moveFormerPoints(handle, model));
  }

  /** Adds points to a model's curves; one of a step that is there already takes its place. */
  static void add(Handle handle, long modelId, List<MetricPoint> points) {
    Target target = target(handle, modelId, points);
    Map<Integer, Double[]> reports = new TreeMap<>();
    for (MetricPoint point : points) {
      Double[] values =
          reports.computeIfAbsent(point.step(), step -> new Double[target.series().size()]);
      values[target.series().indexOf(point.series())] = point.value();
    }
    PreparedBatch batch =
        handle.prepareBatch(
            """
            insert into metric_report (curves, step, values) values (:curves, :step, :values)
            on conflict (curves, step) do update
              set values = newer_values(excluded.values, metric_report.values)
            """);
    reports.forEach(
        (step, values) ->
            batch
                .bind("curves", target.curves())
                .bind("step", step)
                .bindArray("values", Double.class, (Object[]) values)
                .add());
    batch.execute();
  }

  private record Target(long curves, List<String> series) {}

  /** The model's curves, with a place for every series of the points. */
  private static Target target(Handle handle, long modelId, List<MetricPoint> points) {
    Target target =
        handle
            .createQuery(
                """
                select c.id, c.series from model m join curves c on c.id = m.curves
                where m.id = :model
                """)
            .bind("model", modelId)
            .map(
                (row, context) ->
                    new Target(
                        row.getLong("id"), List.of((String[]) row.getArray("series").getArray())))
            .findOne()
            .orElseGet(() -> new Target(begin(handle, modelId), List.of()));
    List<String> series = new ArrayList<>(target.series());
    Set<String> known = new HashSet<>(series);
    points.stream().map(MetricPoint::series).filter(known::add).forEach(series::add);
    if (series.size() > target.series().size()) {
      handle
          .createUpdate("update curves set series = :series where id = :curves")
          .bindArray("series", String.class, series)
          .bind("curves", target.curves())
          .execute();
    }
    return new Target(target.curves(), series);
  }

  private static long begin(Handle handle, long modelId) {
    return handle
        .createQuery(
            """
            with begun as (insert into curves default values returning id)
            update model set curves = begun.id from begun where model.id = :model
            returning curves
            """)
        .bind("model", modelId)
        .mapTo(Long.class)
        .one();
  }
}
