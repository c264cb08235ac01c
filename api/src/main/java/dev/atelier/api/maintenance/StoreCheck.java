package dev.atelier.api.maintenance;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.access.Audit;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.ObjectStore;
import dev.atelier.api.store.ObjectStore.Listed;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.PreparedBatch;

/**
 * Compares the objects of the store with the rows that refer to them, both ways. The listing goes
 * into a temporary table, so that a large bucket needs no memory here; what looks wrong is looked
 * at again before it is reported, for both sides change while the check runs.
 *
 * <p>An orphan is an object that has lain there longer than the grace period and belongs to no
 * experiment, study or prepared dataset that there is, or to a checkpoint that no model knows.
 * Extractors and statistics are kept by content for whoever needs them next: they are no orphans.
 */
@ApplicationScoped
public class StoreCheck {

  private static final Logger LOG = Logger.getLogger(StoreCheck.class);
  private static final int BATCH = 1000;
  private static final int NAMED = 1000;

  private static final String ORPHANS =
      """
      select s.key, s.bytes from stored s
      where s.modified < :before
        and not exists (select 1 from artifact where object_key = s.key)
        and not exists (select 1 from study_artifact where object_key = s.key)
        and not exists (select 1 from model where start_key = s.key)
        and case split_part(s.key, '/', 1)
          when 'experiments' then
            not exists (select 1 from checkpoint where manifest_key = s.directory || 'manifest.json')
            and (not exists (select 1 from experiment where id = split_part(s.key, '/', 2))
              or s.directory ~ '/checkpoints[^/]*/[^/]+/$')
          when 'studies' then not exists (select 1 from study where id = split_part(s.key, '/', 2))
          when 'datasets' then not exists (
            select 1 from experiment where dataset ->> 'sha256' = split_part(s.key, '/', 2))
          else false end
      order by s.key
      """;

  private static final String MISSING =
      """
      select a.object_key as key, format('file %s of experiment %s', a.name, a.experiment_id) as owner,
        a.bytes as expected, s.bytes as found
      from artifact a left join stored s on s.key = a.object_key
      where a.created_at < :started and s.bytes is distinct from a.bytes
      union all
      select a.object_key, format('file %s of study %s', a.name, a.study_id), a.bytes, s.bytes
      from study_artifact a left join stored s on s.key = a.object_key
      where a.created_at < :started and s.bytes is distinct from a.bytes
      union all
      select c.manifest_key,
        format('checkpoint of %s of experiment %s, step %s', m.key, m.experiment_id, c.step),
        c.bytes, s.bytes
      from checkpoint c join model m on m.id = c.model_id
      left join lateral (
        select cast(sum(bytes) as bigint) as bytes from stored
        where directory = regexp_replace(c.manifest_key, '[^/]*$', '') and key <> c.manifest_key
        having bool_or(true) and exists (select 1 from stored where key = c.manifest_key)) s on true
      where c.created_at < :started and s.bytes is distinct from c.bytes
      order by 1, 2
      """;

  private final Jdbi jdbi;
  private final ObjectStore store;
  private final References references;
  private final AtelierConfig.Maintenance config;
  private final ExecutorService executor;
  private final Audit audit;

  StoreCheck(
      Jdbi jdbi,
      ObjectStore store,
      References references,
      AtelierConfig config,
      ExecutorService executor,
      Audit audit) {
    this.audit = audit;
    this.jdbi = jdbi;
    this.store = store;
    this.references = references;
    this.config = config.maintenance();
    this.executor = executor;
  }

  /** Checks now and then, without repair unless that is configured. */
  @Scheduled(
      every = "{atelier.maintenance.check-every}",
      delayed = "{atelier.maintenance.first-check-after}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void checkOnSchedule() {
    begin(config.repair(), false).ifPresent(id -> run(id, config.repair()));
  }

  /**
   * Begins a check; its id.
   *
   * @throws ProblemException if one is running
   */
  long start(boolean repair) {
    long id =
        begin(repair, true)
            .orElseThrow(
                () ->
                    new ProblemException(
                        ProblemType.CHECK_RUNNING, "A check of the store is running already."));
    executor.execute(() -> run(id, repair));
    return id;
  }

  /** A new check, unless one is running; one that has said nothing for a day was cut off. */
  private Optional<Long> begin(boolean repair, boolean byCaller) {
    return jdbi.inTransaction(
        handle -> {
          handle.execute("lock table store_check in share row exclusive mode");
          handle.execute(
              """
              update store_check set finished_at = now(), error = 'It was cut off.'
              where finished_at is null and started_at < now() - interval '1 day'
              """);
          Optional<Long> begun =
              handle
                  .createQuery(
                      """
                  insert into store_check (repair)
                  select :repair where not exists (
                    select 1 from store_check where finished_at is null)
                  returning id
                  """)
                  .bind("repair", repair)
                  .mapTo(Long.class)
                  .findOne();
          if (byCaller && begun.isPresent()) {
            audit.done(
                handle,
                Audit.Kind.CHECK,
                begun.get().toString(),
                repair ? "with repair" : "without repair");
          }
          return begun;
        });
  }

  private void run(long id, boolean repair) {
    try {
      jdbi.useHandle(handle -> check(handle, id, repair));
    } catch (RuntimeException e) {
      LOG.warnf(e, "The store could not be checked.");
      jdbi.useHandle(
          handle ->
              handle
                  .createUpdate(
                      "update store_check set finished_at = now(), error = :error where id = :id")
                  .bind("error", String.valueOf(e.getMessage()))
                  .bind("id", id)
                  .execute());
    }
  }

  private void check(Handle handle, long id, boolean repair) {
    OffsetDateTime started = Instant.now().atOffset(ZoneOffset.UTC);
    handle.execute("drop table if exists stored");
    handle.execute(
        """
        create temporary table stored (
          key text primary key, directory text, bytes bigint, modified timestamptz)
        """);
    try {
      List<Listed> batch = new ArrayList<>();
      store.list(
          "",
          object -> {
            batch.add(object);
            if (batch.size() == BATCH) {
              insert(handle, batch);
            }
          });
      insert(handle, batch);
      handle.execute("create index on stored (directory)");
      handle.execute("analyze stored");
      List<StoreCheckReport.Orphan> orphans = orphans(handle, started, repair);
      List<StoreCheckReport.Missing> missing = missing(handle, started);
      handle
          .createUpdate(
              """
              update store_check
              set finished_at = now(), orphans = cast(:orphans as jsonb),
                missing = cast(:missing as jsonb), objects = (select count(*) from stored),
                bytes = (select coalesce(sum(bytes), 0) from stored)
              where id = :id
              """)
          .bind("orphans", SpecJson.write(orphans.stream().limit(NAMED).toList()))
          .bind("missing", SpecJson.write(missing.stream().limit(NAMED).toList()))
          .bind("id", id)
          .execute();
      if (!orphans.isEmpty() || !missing.isEmpty()) {
        LOG.warnf(
            "The store has %d objects without a row, and %d rows without their object.",
            orphans.size(), missing.size());
      }
    } finally {
      handle.execute("drop table if exists stored");
    }
  }

  private static void insert(Handle handle, List<Listed> batch) {
    PreparedBatch rows =
        handle.prepareBatch(
            """
            insert into stored (key, directory, bytes, modified)
            values (:key, regexp_replace(:key, '[^/]*$', ''), :bytes, :modified)
            on conflict do nothing
            """);
    for (Listed object : batch) {
      rows.bind("key", object.key())
          .bind("bytes", object.bytes())
          .bind("modified", object.modified().atOffset(ZoneOffset.UTC))
          .add();
    }
    if (!batch.isEmpty()) {
      rows.execute();
    }
    batch.clear();
  }

  private List<StoreCheckReport.Orphan> orphans(
      Handle handle, OffsetDateTime started, boolean repair) {
    List<StoreCheckReport.Orphan> suspected =
        handle
            .createQuery(ORPHANS)
            .bind("before", started.minus(config.grace()))
            .map(
                (row, context) ->
                    new StoreCheckReport.Orphan(row.getString("key"), row.getLong("bytes"), repair))
            .list();
    Set<String> referred =
        references.among(suspected.stream().map(StoreCheckReport.Orphan::key).toList());
    List<StoreCheckReport.Orphan> orphans =
        suspected.stream().filter(orphan -> !referred.contains(orphan.key())).toList();
    if (repair) {
      orphans.forEach(orphan -> store.remove(orphan.key()));
    }
    return orphans;
  }

  private List<StoreCheckReport.Missing> missing(Handle handle, OffsetDateTime started) {
    List<StoreCheckReport.Missing> suspected =
        handle
            .createQuery(MISSING)
            .bind("started", started)
            .map(
                (row, context) ->
                    new StoreCheckReport.Missing(
                        row.getString("key"),
                        row.getString("owner"),
                        row.getObject("found") == null
                            ? "it does not exist"
                            : "expected %d bytes, found %d"
                                .formatted(row.getLong("expected"), row.getLong("found"))))
            .list();
    // A checkpoint may have been removed in the meantime, its row first.
    Set<String> known =
        references.among(
            suspected.stream().map(StoreCheckReport.Missing::key).collect(Collectors.toSet()));
    return suspected.stream().filter(missing -> known.contains(missing.key())).toList();
  }

  /** A check and what it found; empty: there is none with that id. */
  Optional<StoreCheckReport> report(long id) {
    return reports("where id = :id", id).stream().findFirst();
  }

  /** The last checks, newest first. */
  List<StoreCheckReport> reports() {
    return reports("where :id = 0", 0);
  }

  private List<StoreCheckReport> reports(String condition, long id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    "select * from store_check %s order by id desc limit 20".formatted(condition))
                .bind("id", id)
                .map(
                    (row, context) ->
                        new StoreCheckReport(
                            row.getLong("id"),
                            row.getBoolean("repair"),
                            row.getObject("started_at", OffsetDateTime.class).toInstant(),
                            Optional.ofNullable(row.getObject("finished_at", OffsetDateTime.class))
                                .map(OffsetDateTime::toInstant),
                            Optional.ofNullable(row.getString("error")),
                            row.getLong("objects"),
                            row.getLong("bytes"),
                            List.of(
                                SpecJson.read(
                                    row.getString("orphans"), StoreCheckReport.Orphan[].class)),
                            List.of(
                                SpecJson.read(
                                    row.getString("missing"), StoreCheckReport.Missing[].class))))
                .list());
  }
}
