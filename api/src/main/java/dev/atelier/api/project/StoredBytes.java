package dev.atelier.api.project;

import dev.atelier.api.store.Turns;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.jdbi.v3.core.Jdbi;

/** Counts every hour how much each project has stored. */
@ApplicationScoped
public class StoredBytes {

  /**
   * Bytes by project; what several experiments of a project have counts once. Of a dataset, its
   * pixels. Each part looks at the projects that a condition lets through.
   */
  private static final String BY_PROJECT =
      """
      select project, cast(sum(bytes) as bigint) as bytes from (
        (select distinct on (o.project, c.manifest_key) o.project, c.bytes
         from checkpoint c join model m on m.id = c.model_id
         join experiment o on o.id = m.experiment_id where %1$s)
        union all
        (select distinct on (o.project, a.object_key) o.project, a.bytes
         from artifact a join experiment o on o.id = a.experiment_id where %1$s)
        union all
        (select o.project, a.bytes from study_artifact a join study o on o.id = a.study_id
         where %1$s)
        union all
        (select distinct on (o.project, o.dataset ->> 'sha256') o.project,
           cast(o.dataset ->> 'images' as bigint) * cast(o.dataset ->> 'channels' as bigint)
             * cast(o.dataset ->> 'resolution' as bigint) * cast(o.dataset ->> 'resolution' as bigint)
         from experiment o where o.dataset is not null and %1$s)
      ) stored (project, bytes)
      group by project
      """;

  /** Columns {@code project} and {@code bytes} of all projects that have something. */
  static final String OF_ALL = BY_PROJECT.formatted("true");

  /** The same of the project {@code :project} alone. */
  static final String OF_ONE = BY_PROJECT.formatted("o.project = :project");

  private static final Duration EVERY_HOUR = Duration.ofHours(1);

  private final Jdbi jdbi;
  private final Turns turns;

  StoredBytes(Jdbi jdbi, Turns turns) {
    this.jdbi = jdbi;
    this.turns = turns;
  }

  @Scheduled(
      every = "{atelier.maintenance.upkeep-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void countOnSchedule() {
    if (turns.take("count-stored-bytes", EVERY_HOUR)) {
      count();
    }
  }

  /** Adds an hour of what is stored now. */
  public void count() {
    jdbi.useHandle(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into project_usage (project, month, kind, amount)
                    select project, usage_month(), 'STORED', bytes from (%s) stored
                    on conflict (project, month, kind)
                    do update set amount = project_usage.amount + excluded.amount
                    """
                        .formatted(OF_ALL))
                .execute());
  }
}
