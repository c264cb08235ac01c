package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/**
 * Writes down who changed what. A change of the database is in the same transaction; a request to a
 * workflow is written down before it is made, and again with what became of it.
 */
@ApplicationScoped
public class Audit {

  private static final Logger LOG = Logger.getLogger(Audit.class);

  /** After the time that an answer may take: how long it may take to be written down. */
  private static final Duration WRITTEN_WITHIN = Duration.ofMinutes(1);

  /** What became of it. */
  public enum Outcome {
    /** A workflow is asked; what it says is in the next entry. */
    ASKED,
    DONE,
    REFUSED,
    /** Nobody answered in time, or the answer could not be written down: it may have been done. */
    UNKNOWN
  }

  /** What is changed. */
  public enum Kind {
    EXPERIMENT,
    STUDY,
    TOKEN,
    PERSON,
    CHECK,
    WEBHOOK,
    PROJECT
  }

  private final Jdbi jdbi;
  private final Caller caller;
  private final Duration patience;

  Audit(Jdbi jdbi, Caller caller, AtelierConfig config) {
    this.jdbi = jdbi;
    this.caller = caller;
    this.patience = config.temporal().updateTimeout().plus(WRITTEN_WITHIN);
  }

  /** Writes down that the caller of this request has done it, as part of a transaction. */
  public void done(Handle handle, Kind kind, String id, String detail) {
    var unused = record(handle, kind, id, Outcome.DONE, detail);
  }

  /** Writes down what a workflow is asked; {@link #answered} takes the number of the entry. */
  public long asked(Kind kind, String id, String detail) {
    return jdbi.inTransaction(
        handle -> {
          long entry = record(handle, kind, id, Outcome.ASKED, detail);
          handle.execute("insert into audit_unsettled values (?)", entry);
          return entry;
        });
  }

  /** Writes down what became of what a workflow was asked. */
  public void answered(long asked, Kind kind, String id, Outcome outcome, String detail) {
    jdbi.useTransaction(
        handle -> {
          var unused = record(handle, kind, id, outcome, detail);
          handle.execute("delete from audit_unsettled where asked = ?", asked);
        });
  }

  /** Settles what the database or this program could not write down when it was answered. */
  @Scheduled(
      every = "{atelier.reconcile-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void settle() {
    int settled = settle(patience);
    if (settled > 0) {
      LOG.warnf("What became of %d requests to workflows is not known: see the audit.", settled);
    }
  }

  /** Writes UNKNOWN for what was asked so long ago and has no outcome; returns for how many. */
  int settle(Duration asked) {
    return jdbi.withHandle(
        handle ->
            handle
                .createUpdate(
                    """
                    with left_over as (
                      delete from audit_unsettled u using audit a
                      where a.id = u.asked and a.at < now() - make_interval(secs => :seconds)
                      returning a.*)
                    insert into audit (actor, role, action, subject_kind, subject_id, project,
                      outcome, detail, request_id, address)
                    select actor, role, action, subject_kind, subject_id, project,
                      'UNKNOWN', detail, request_id, address
                    from left_over order by id
                    """)
                .bind("seconds", asked.toMillis() / 1000.0)
                .execute());
  }

  private long record(Handle handle, Kind kind, String id, Outcome outcome, String detail) {
    return handle
        .createUpdate(
            """
            insert into audit (actor, role, action, subject_kind, subject_id, project, outcome,
              detail, request_id, address)
            values (:actor, :role, :action, :kind, :id, case :kind
                when 'EXPERIMENT' then (select project from experiment where id = :id)
                when 'STUDY' then (select project from study where id = :id)
                when 'PROJECT' then :id
                when 'WEBHOOK' then (select project from webhook where id = :id) end,
              :outcome, :detail, :request, :address)
            """)
        .bind("actor", caller.principal().name())
        .bind("role", caller.principal().role())
        .bind("action", caller.operation())
        .bind("kind", kind)
        .bind("id", id)
        .bind("outcome", outcome)
        .bind("detail", Optional.of(detail).map(d -> d.replace("\0", "")).orElseThrow())
        .bind("request", caller.requestId())
        .bind("address", caller.address())
        .executeAndReturnGeneratedKeys("id")
        .mapTo(Long.class)
        .one();
  }
}
