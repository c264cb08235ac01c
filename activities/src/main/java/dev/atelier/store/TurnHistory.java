package dev.atelier.store;

import dev.atelier.workflows.vocabulary.EventKind;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import javax.sql.DataSource;
import org.jdbi.v3.core.Handle;

/**
 * Whose turn it is at the devices of a project, and for how long it has used them. Methods are as
 * those of {@link ExperimentHistory}.
 */
public final class TurnHistory {

  /** What a device is counted as. */
  public enum DeviceKind {
    GPU,
    CPU
  }

  /** Who asks less often than this waits no longer: the work was called off. */
  private static final String STILL_ASKS = "seen_at > now() - interval '3 minutes'";

  private final Database database;

  public TurnHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  private record Asking(String project, DeviceKind kind) {}

  private record Bounds(
      Optional<Integer> devices, OptionalDouble gpuHours, OptionalDouble cpuHours) {}

  private record Wait(String awaits, String reason) {}

  /**
   * Gives a piece of work its turn, which it keeps until it is given back; whoever asked first has
   * it first.
   *
   * @return why it has to wait, in a sentence; empty: it is its turn
   */
  public Optional<String> take(String experimentId, String work) {
    return database.inTransaction(
        handle -> {
          Optional<Asking> asking = asking(handle, experimentId);
          if (asking.isEmpty() || hasTurn(handle, experimentId, work)) {
            return Optional.empty(); // what was deleted is bounded by nothing
          }
          Optional<Wait> wait =
              bounds(handle, asking.get().project())
                  .flatMap(bounds -> wait(handle, bounds, asking.get(), experimentId, work));
          boolean asked = write(handle, asking.get().project(), experimentId, work, wait);
          if (asked && wait.isPresent()) {
            EventHistory.add(
                handle,
                experimentId,
                EventKind.TURN_AWAITED,
                Optional.empty(),
                wait.get().reason());
          }
          return wait.map(Wait::reason);
        });
  }

  private static Optional<Asking> asking(Handle handle, String experimentId) {
    return handle
        .createQuery(
            "select project, compute_kind(spec ->> 'compute') as kind from experiment where id = :id")
        .bind("id", experimentId)
        .map(
            (row, context) ->
                new Asking(row.getString("project"), DeviceKind.valueOf(row.getString("kind"))))
        .findOne();
  }

  private static boolean hasTurn(Handle handle, String experimentId, String work) {
    return handle
        .createQuery(
            """
            select awaits is null from device_turn where experiment_id = :id and work = :work
            """)
        .bind("id", experimentId)
        .bind("work", work)
        .mapTo(Boolean.class)
        .findOne()
        .orElse(false);
  }

  /** All who ask for the same project wait here for one another until the transaction ends. */
  private static Optional<Bounds> bounds(Handle handle, String project) {
    return handle
        .createQuery(
            """
            select devices_at_once, gpu_hours_per_month, cpu_hours_per_month
            from project_quota where project = :project for update
            """)
        .bind("project", project)
        .map(
            (row, context) ->
                new Bounds(
                    Optional.ofNullable(row.getObject("devices_at_once", Integer.class)),
                    number(row.getObject("gpu_hours_per_month", Double.class)),
                    number(row.getObject("cpu_hours_per_month", Double.class))))
        .findOne();
  }

  private static OptionalDouble number(Double value) {
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  private static Optional<Wait> wait(
      Handle handle, Bounds bounds, Asking asking, String experimentId, String work) {
    OptionalDouble hours = asking.kind() == DeviceKind.GPU ? bounds.gpuHours() : bounds.cpuHours();
    if (hours.isPresent()) {
      double used = hoursOfMonth(handle, asking);
      if (used >= hours.getAsDouble()) {
        return Optional.of(
            new Wait(
                "HOURS",
                String.format(
                    Locale.ROOT,
                    "Project '%s' may use %s %s-hours a month and has used %s: %s waits until the month ends (UTC), or an admin raises the bound.",
                    asking.project(),
                    figure(hours.getAsDouble()),
                    asking.kind(),
                    figure(used),
                    work)));
      }
    }
    if (bounds.devices().isPresent()) {
      int devices = bounds.devices().get();
      Queue queue = queue(handle, asking.project(), experimentId, work);
      if (queue.atWork() + queue.before() >= devices) {
        return Optional.of(
            new Wait(
                "DEVICE",
                "Project '%s' may use %d device(s) at once; %d of its pieces of work have one, %d wait before this one: %s waits until one is free."
                    .formatted(asking.project(), devices, queue.atWork(), queue.before(), work)));
      }
    }
    return Optional.empty();
  }

  private static double hoursOfMonth(Handle handle, Asking asking) {
    return handle
        .createQuery(
            """
            select amount / 3600 from project_usage
            where project = :project and kind = :kind and month = usage_month()
            """)
        .bind("project", asking.project())
        .bind("kind", asking.kind().name())
        .mapTo(Double.class)
        .findOne()
        .orElse(0.0);
  }

  /** Hundredths are enough for people. */
  private static String figure(double hours) {
    return String.format(Locale.ROOT, "%.2f", hours).replaceAll("\\.?0+$", "");
  }

  private record Queue(int atWork, int before) {}

  private static Queue queue(Handle handle, String project, String experimentId, String work) {
    return handle
        .createQuery(
            """
            with own as (
              select coalesce(
                (select asked_at from device_turn where experiment_id = :id and work = :work),
                now()) as asked_at)
            select count(*) filter (where t.awaits is null) as at_work,
              count(*) filter (where t.awaits = 'DEVICE' and t.%s
                and (t.asked_at, t.experiment_id, t.work) < (own.asked_at, :id, :work)) as before
            from device_turn t, own
            where t.project = :project and not (t.experiment_id = :id and t.work = :work)
            """
                .formatted(STILL_ASKS))
        .bind("project", project)
        .bind("id", experimentId)
        .bind("work", work)
        .map((row, context) -> new Queue(row.getInt("at_work"), row.getInt("before")))
        .one();
  }

  /** Whether this is the first time that the work asks. */
  private static boolean write(
      Handle handle, String project, String experimentId, String work, Optional<Wait> wait) {
    int known =
        handle
            .createUpdate(
                """
                update device_turn
                set asked_at = case when awaits is null or not %s then now() else asked_at end,
                  seen_at = now(), awaits = :awaits, reason = :reason
                where experiment_id = :id and work = :work
                """
                    .formatted(STILL_ASKS))
            .bind("id", experimentId)
            .bind("work", work)
            .bind("awaits", wait.map(Wait::awaits))
            .bind("reason", wait.map(Wait::reason))
            .execute();
    if (known > 0) {
      return false;
    }
    handle
        .createUpdate(
            """
            insert into device_turn (experiment_id, work, project, awaits, reason)
            values (:id, :work, :project, :awaits, :reason)
            """)
        .bind("id", experimentId)
        .bind("work", work)
        .bind("project", project)
        .bind("awaits", wait.map(Wait::awaits))
        .bind("reason", wait.map(Wait::reason))
        .execute();
    return true;
  }

  /**
   * A device was at a piece of work for some time more, which counts for the month that it is now.
   * The work has a turn from now on, whoever let it begin, unless its experiment has ended.
   *
   * @param seconds since the last time
   */
  public void recordUse(String experimentId, String work, DeviceKind kind, double seconds) {
    database.inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  insert into project_usage (project, month, kind, amount)
                  select project, usage_month(), :kind, :seconds from experiment where id = :id
                  on conflict (project, month, kind)
                  do update set amount = project_usage.amount + excluded.amount
                  """)
              .bind("id", experimentId)
              .bind("kind", kind.name())
              .bind("seconds", seconds)
              .execute();
          return handle
              .createUpdate(
                  """
                  insert into device_turn (experiment_id, work, project)
                  select id, :work, project from experiment where id = :id and finished_at is null
                  on conflict (experiment_id, work)
                  do update set awaits = null, reason = null, seen_at = now()
                  """)
              .bind("id", experimentId)
              .bind("work", work)
              .execute();
        });
  }

  /** The work is over, or called off: others may have its device. */
  public void giveBack(String experimentId, String work) {
    database.inTransaction(handle -> giveBack(handle, experimentId, work));
  }

  /** The same for all of an experiment's. */
  public void giveBackAll(String experimentId) {
    database.inTransaction(handle -> giveBackAll(handle, experimentId));
  }

  static int giveBack(Handle handle, String experimentId, String work) {
    return handle.execute(
        "delete from device_turn where experiment_id = ? and work = ?", experimentId, work);
  }

  static int giveBackAll(Handle handle, String experimentId) {
    return handle.execute("delete from device_turn where experiment_id = ?", experimentId);
  }
}
