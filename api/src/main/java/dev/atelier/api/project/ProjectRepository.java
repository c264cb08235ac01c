package dev.atelier.api.project;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.access.Audit;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.Columns;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** Bounds and usage of projects, in Postgres. */
@ApplicationScoped
public class ProjectRepository {

  private static final double SECONDS_PER_HOUR = 3600;
  private static final double HOURS_PER_MONTH = 730;
  private static final double GIB = 1L << 30;

  private final Jdbi jdbi;
  private final Audit audit;
  private final AtelierConfig.Costs prices;

  ProjectRepository(Jdbi jdbi, Audit audit, AtelierConfig config) {
    this.jdbi = jdbi;
    this.audit = audit;
    this.prices = config.costs();
  }

  /** Projects that have something, or had, by name; at most 1000. */
  List<ProjectView> list(Optional<Set<String>> among) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select project, coalesce(bytes, 0) as bytes from (
                      select distinct project from experiment
                      union select project from project_quota
                      union select project from project_usage) known
                    left join (%s) stored using (project)
                    where :all or project = any(:among)
                    order by project limit 1000
                    """
                        .formatted(StoredBytes.OF_ALL))
                .bind("all", among.isEmpty())
                .bindArray("among", String.class, among.orElse(Set.of()))
                .map((row, context) -> view(handle, row.getString("project"), row.getLong("bytes")))
                .list());
  }

  ProjectView show(String project) {
    return jdbi.withHandle(handle -> view(handle, project, storedBytes(handle, project)));
  }

  private static ProjectView view(Handle handle, String project, long bytes) {
    return new ProjectView(
        project, quota(handle, project, false).orElse(Quota.NONE), used(handle, project, bytes));
  }

  /** Sets all bounds of a project; those that are absent are lifted. */
  void set(String project, Quota quota) {
    jdbi.useTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  insert into project_quota (project, devices_at_once, gpu_hours_per_month,
                    cpu_hours_per_month, stored_bytes, experiments_waiting)
                  values (:project, :devices, :gpu, :cpu, :bytes, :experiments)
                  on conflict (project) do update set
                    devices_at_once = excluded.devices_at_once,
                    gpu_hours_per_month = excluded.gpu_hours_per_month,
                    cpu_hours_per_month = excluded.cpu_hours_per_month,
                    stored_bytes = excluded.stored_bytes,
                    experiments_waiting = excluded.experiments_waiting
                  """)
              .bind("project", project)
              .bind("devices", quota.devicesAtOnce())
              .bind("gpu", quota.gpuHoursPerMonth())
              .bind("cpu", quota.cpuHoursPerMonth())
              .bind("bytes", quota.storedBytes())
              .bind("experiments", quota.experimentsWaiting())
              .execute();
          audit.done(handle, Audit.Kind.PROJECT, project, SpecJson.write(quota));
        });
  }

  /** The bounds of a project, which nobody else may look at the same way until the end. */
  static Optional<Quota> quota(Handle handle, String project, boolean lock) {
    return handle
        .createQuery(
            "select * from project_quota where project = :project" + (lock ? " for update" : ""))
        .bind("project", project)
        .map((row, context) -> quota(row))
        .findOne();
  }

  private static Quota quota(ResultSet row) throws SQLException {
    return new Quota(
        Columns.whole(row, "devices_at_once").map(Long::intValue),
        Columns.finite(row, "gpu_hours_per_month"),
        Columns.finite(row, "cpu_hours_per_month"),
        Columns.whole(row, "stored_bytes"),
        Columns.whole(row, "experiments_waiting").map(Long::intValue));
  }

  private static ProjectView.Used used(Handle handle, String project, long bytes) {
    return handle
        .createQuery(
            """
            select count(*) filter (where awaits is null) as devices,
              count(*) filter (where awaits is not null
                and seen_at > now() - interval '3 minutes') as waiting
            from device_turn where project = :project
            """)
        .bind("project", project)
        .map(
            (row, context) ->
                new ProjectView.Used(
                    row.getInt("devices"),
                    row.getInt("waiting"),
                    hoursOfMonth(handle, project, "GPU"),
                    hoursOfMonth(handle, project, "CPU"),
                    bytes,
                    unended(handle, project)))
        .one();
  }

  /** Hours of devices of a kind, GPU or CPU, that the project has used this month. */
  static double hoursOfMonth(Handle handle, String project, String kind) {
    return handle
            .createQuery(
                """
                select amount from project_usage
                where project = :project and kind = :kind and month = usage_month()
                """)
            .bind("project", project)
            .bind("kind", kind)
            .mapTo(Double.class)
            .findOne()
            .orElse(0.0)
        / SECONDS_PER_HOUR;
  }

  static long storedBytes(Handle handle, String project) {
    return handle
        .createQuery("select bytes from (%s) stored".formatted(StoredBytes.OF_ONE))
        .bind("project", project)
        .mapTo(Long.class)
        .findOne()
        .orElse(0L);
  }

  static int unended(Handle handle, String project) {
    return handle
        .createQuery(
            "select count(*) from experiment where project = :project and finished_at is null")
        .bind("project", project)
        .mapTo(Integer.class)
        .one();
  }

  /** The last months in which the project used something, newest first. */
  List<MonthOfUse> usage(String project, int months) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select to_char(month, 'YYYY-MM') as month,
                      coalesce(sum(amount) filter (where kind = 'GPU'), 0) as gpu,
                      coalesce(sum(amount) filter (where kind = 'CPU'), 0) as cpu,
                      coalesce(sum(amount) filter (where kind = 'STORED'), 0) as stored
                    from project_usage where project = :project
                    group by project_usage.month order by project_usage.month desc limit :months
                    """)
                .bind("project", project)
                .bind("months", months)
                .map(
                    (row, context) ->
                        month(
                            project,
                            row.getString("month"),
                            row.getDouble("gpu") / SECONDS_PER_HOUR,
                            row.getDouble("cpu") / SECONDS_PER_HOUR,
                            row.getDouble("stored") / GIB / HOURS_PER_MONTH))
                .list());
  }

  private MonthOfUse month(
      String project, String month, double gpuHours, double cpuHours, double gibMonths) {
    return new MonthOfUse(
        project,
        month,
        gpuHours,
        cpuHours,
        gibMonths,
        prices
            .currency()
            .map(
                currency ->
                    gpuHours * prices.gpuHour()
                        + cpuHours * prices.cpuHour()
                        + gibMonths * prices.gibMonth()),
        prices.currency());
  }

  /** Why work of an experiment waits now, in sentences; mostly none. */
  public List<String> waits(String experimentId) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select reason || case when count(*) over () > 1
                      then format(' %s more of its pieces of work wait.', count(*) over () - 1)
                      else '' end
                    from device_turn
                    where experiment_id = :id and awaits is not null
                      and seen_at > now() - interval '3 minutes'
                    order by asked_at, work limit 1
                    """)
                .bind("id", experimentId)
                .mapTo(String.class)
                .list());
  }
}
