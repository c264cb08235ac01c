package dev.atelier.api.maintenance;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.access.Audit;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecJson;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Jdbi;

/**
 * Checks now and then whether the objects of the store and the rows that refer to them agree, as
 * {@link StoreComparison} says. One check runs at a time, of all apis; another api goes on with one
 * that was cut off.
 */
@ApplicationScoped
public class StoreCheck {

  private static final Logger LOG = Logger.getLogger(StoreCheck.class);
  private static final int NAMED = 1000;
  private static final String CUT_OFF_AFTER = "interval '10 minutes'"; // a part takes less

  private final Jdbi jdbi;
  private final StoreComparison comparison;
  private final AtelierConfig.Maintenance config;
  private final ExecutorService executor;
  private final Audit audit;

  StoreCheck(
      Jdbi jdbi,
      StoreComparison comparison,
      AtelierConfig config,
      ExecutorService executor,
      Audit audit) {
    this.audit = audit;
    this.jdbi = jdbi;
    this.comparison = comparison;
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

  /** Goes on with a check whose api has ended. */
  @Scheduled(every = "1m", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void resume() {
    jdbi.withHandle(
            handle ->
                handle
                    .createQuery(
                        """
                        update store_check set touched_at = now()
                        where finished_at is null and touched_at < now() - %s
                        returning id, repair
                        """
                            .formatted(CUT_OFF_AFTER))
                    .map((row, context) -> Map.entry(row.getLong("id"), row.getBoolean("repair")))
                    .list())
        .forEach(check -> run(check.getKey(), check.getValue()));
  }

  /** A new check, unless one is running. */
  private Optional<Long> begin(boolean repair, boolean byCaller) {
    return jdbi.inTransaction(
        handle -> {
          handle.execute("lock table store_check in share row exclusive mode");
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
      check(id, repair);
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

  /** Part by part, so that neither a connection nor memory is held for all of a large bucket. */
  private void check(long id, boolean repair) {
    String after = checkedTo(id);
    boolean last = false;
    while (!last) {
      StoreComparison.Found found = comparison.compare(after, repair);
      if (!record(id, after, found)) {
        return; // another api has taken it for cut off, and goes on
      }
      after = found.to();
      last = found.last();
    }
    StoreCheckReport report = report(id).orElseThrow();
    if (!report.orphans().isEmpty() || !report.missing().isEmpty()) {
      LOG.warnf(
          "The store has %s objects without a row, and %s rows without their object.",
          counted(report.orphans()), counted(report.missing()));
    }
  }

  private static String counted(List<?> named) {
    return named.size() < NAMED ? Integer.toString(named.size()) : NAMED + " or more";
  }

  private String checkedTo(long id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery("select coalesce(checked_to, '') from store_check where id = :id")
                .bind("id", id)
                .mapTo(String.class)
                .one());
  }

  private boolean record(long id, String after, StoreComparison.Found found) {
    StoreCheckReport before = report(id).orElseThrow();
    return jdbi.withHandle(
        handle ->
            handle
                    .createUpdate(
                        """
                    update store_check
                    set checked_to = :to, touched_at = now(), objects = objects + :objects,
                      bytes = bytes + :bytes, orphans = cast(:orphans as jsonb),
                      missing = cast(:missing as jsonb),
                      finished_at = case when :last then now() end
                    where id = :id and coalesce(checked_to, '') = :after
                    """)
                    .bind("after", after)
                    .bind("to", found.to())
                    .bind("objects", found.objects())
                    .bind("bytes", found.bytes())
                    .bind("orphans", SpecJson.write(named(before.orphans(), found.orphans())))
                    .bind("missing", SpecJson.write(named(before.missing(), found.missing())))
                    .bind("last", found.last())
                    .bind("id", id)
                    .execute()
                > 0);
  }

  private static <T> List<T> named(List<T> before, List<T> found) {
    return Stream.concat(before.stream(), found.stream()).limit(NAMED).toList();
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
