package dev.atelier.api.maintenance;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.store.Turns;
import dev.atelier.workflows.vocabulary.Series;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Jdbi;

/**
 * What is done to curves in the background, in transactions of bounded size: points in the former
 * form are moved, curves of old experiments thinned out, and those that no model has deleted.
 */
@ApplicationScoped
public class CurveUpkeep {

  private static final Logger LOG = Logger.getLogger(CurveUpkeep.class);

  private static final int STEPS_AT_ONCE = 1_000; // some 25,000 points: a tenth of a second
  private static final int REPORTS_AT_ONCE = 10_000; // 3 MB

  private static final Duration EVERY_HOUR = Duration.ofHours(1); // looks at every old experiment

  /** Curves of experiments that ended so long ago, if no younger one has or has taken them over. */
  private static final String OLD =
      """
      select distinct m.curves from model m
      join experiment e on e.id = m.experiment_id
      join curves c on c.id = m.curves
      where e.finished_at < now() - cast(:age as interval) and not exists (
        select 1 from model o join experiment y on y.id = o.experiment_id
        where (o.curves = m.curves or o.reused_from = m.id)
          and (y.finished_at is null or y.finished_at >= now() - cast(:age as interval)))
      """;

  private final Jdbi jdbi;
  private final Turns turns;
  private final AtelierConfig.Curves config;
  private final Duration every;
  private long lastMoved; // id of a model: where looking for points in the former form goes on

  CurveUpkeep(Jdbi jdbi, Turns turns, AtelierConfig config) {
    this.jdbi = jdbi;
    this.turns = turns;
    this.config = config.maintenance().curves();
    this.every = config.maintenance().upkeepEvery();
  }

  @Scheduled(
      every = "{atelier.maintenance.upkeep-every}",
      delayed = "{atelier.maintenance.curves.move-after}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void moveOnSchedule() {
    if (turns.take("move-points", every)) {
      long moved = moveFormerPoints(every);
      if (moved > 0) {
        LOG.infof("Moved %d reports from metric_point to metric_report.", moved);
      }
    }
  }

  @Scheduled(
      every = "{atelier.maintenance.upkeep-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void deleteOnSchedule() {
    if (turns.take("delete-curves", every)) {
      deleteLeft();
    }
  }

  @Scheduled(
      every = "{atelier.maintenance.upkeep-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void thinOnSchedule() {
    if (turns.take("thin-curves", EVERY_HOUR)) {
      config.keptFor().ifPresent(this::forget);
      if (config.thinnedTo() > 0) {
        thin(config.wholeFor(), config.thinnedTo());
      }
    }
  }

  /** Moves points that lie in the former form, for so long; the number of reports they became. */
  long moveFormerPoints(Duration time) {
    long begin = System.nanoTime();
    long moved = 0;
    Optional<Long> model = nextToMove();
    while (model.isPresent() && System.nanoTime() - begin < time.toNanos()) {
      int step = move(model.get());
      moved += step;
      if (step == 0) {
        lastMoved = model.get();
        model = nextToMove();
      }
    }
    if (model.isEmpty()) {
      lastMoved = 0; // what was written in the former form meanwhile is found the next time
    }
    return moved;
  }

  private Optional<Long> nextToMove() {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select model_id from metric_point where model_id > :last
                    order by model_id limit 1
                    """)
                .bind("last", lastMoved)
                .mapTo(Long.class)
                .findOne());
  }

  private int move(long model) {
    return jdbi.inTransaction(
        handle ->
            handle
                .createQuery("select move_metric_points(:model, :steps)")
                .bind("model", model)
                .bind("steps", STEPS_AT_ONCE)
                .mapTo(Integer.class)
                .one());
  }

  /** Takes old curves from their models. */
  void forget(Duration keptFor) {
    List<Long> old = old("", keptFor);
    jdbi.useHandle(
        handle ->
            handle
                .createUpdate("update model set curves = null where curves = any(:curves)")
                .bindArray("curves", Long.class, old)
                .execute());
  }

  /** Thins out curves that have become old since the last time. */
  void thin(Duration wholeFor, int most) {
    old("and c.thinned_at is null", wholeFor).forEach(curves -> thin(curves, most));
  }

  private List<Long> old(String condition, Duration age) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(OLD + condition)
                .bind("age", age.toMillis() + " ms")
                .mapTo(Long.class)
                .list());
  }

  /**
   * Leaves of the reports the first and the last, of each of {@code most / 2} equal stretches those
   * with the lowest and the highest loss, and of all those with the extremes of each series.
   */
  private void thin(long curves, int most) {
    jdbi.useTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  with report as (
                    select step, values, values[(
                        select coalesce(array_position(series, :loss), 1)
                        from curves where id = :curves)] as loss,
                      ntile(:stretches) over (order by step) as stretch,
                      lag(step) over (order by step) is null
                        or lead(step) over (order by step) is null as at_end
                    from metric_report where curves = :curves),
                  ranked as (
                    select step, at_end,
                      row_number() over (partition by stretch order by loss, step) as low,
                      row_number() over (
                        partition by stretch order by loss desc nulls last, step) as high
                    from report),
                  extreme as (
                    select (array_agg(r.step order by v.value, r.step))[1] as low,
                      (array_agg(r.step order by v.value desc, r.step))[1] as high
                    from report r cross join unnest(r.values) with ordinality v (value, place)
                    where v.value is not null group by v.place)
                  delete from metric_report where curves = :curves and step not in (
                    select step from ranked where at_end or low = 1 or high = 1
                    union select low from extreme union select high from extreme)
                  """)
              .bind("curves", curves)
              .bind("loss", Series.LOSS.word())
              .bind("stretches", Math.max(1, most / 2))
              .execute();
          handle.execute("update curves set thinned_at = now() where id = ?", curves);
        });
  }

  /** Deletes the reports of curves that no model has any more. */
  void deleteLeft() {
    List<Long> left =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery("select curves from curves_left order by curves")
                    .mapTo(Long.class)
                    .list());
    for (long curves : left) {
      int deleted;
      do {
        deleted = deleteSome(curves);
      } while (deleted > 0);
    }
  }

  /**
   * Some of the reports; 0: none are left, or a model has them. The note goes first, so that
   * whoever leaves these curves meanwhile waits and writes it again.
   */
  private int deleteSome(long curves) {
    return jdbi.inTransaction(
        handle -> {
          handle.execute("delete from curves_left where curves = ?", curves);
          int deleted =
              handle
                  .createUpdate(
                      """
                      delete from metric_report where curves = :curves and step in (
                        select step from metric_report where curves = :curves
                        order by step limit :most)
                        and not exists (select 1 from model where curves = :curves)
                      """)
                  .bind("curves", curves)
                  .bind("most", REPORTS_AT_ONCE)
                  .execute();
          handle.execute(
              deleted > 0
                  ? "insert into curves_left values (?)"
                  : """
                  delete from curves c where id = ?
                    and not exists (select 1 from model where curves = c.id)
                  """,
              curves);
          return deleted;
        });
  }
}
