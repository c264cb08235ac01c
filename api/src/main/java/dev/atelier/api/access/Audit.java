package dev.atelier.api.access;

import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/**
 * Writes down who changed what. A change of the database is in the same transaction; a request to a
 * workflow is written down before it is made, and again with what became of it.
 */
@ApplicationScoped
public class Audit {

  /** What became of it. */
  public enum Outcome {
    /** A workflow is asked; what it says is in the next entry. */
    ASKED,
    DONE,
    REFUSED,
    /** Nobody answered in time: it may have been done. */
    UNKNOWN
  }

  /** What is changed. */
  public enum Kind {
    EXPERIMENT,
    STUDY,
    TOKEN,
    CHECK
  }

  private final Jdbi jdbi;
  private final Caller caller;

  Audit(Jdbi jdbi, Caller caller) {
    this.jdbi = jdbi;
    this.caller = caller;
  }

  /** Writes down that the caller of this request has done it, as part of a transaction. */
  public void done(Handle handle, Kind kind, String id, String detail) {
    record(handle, kind, id, Outcome.DONE, detail);
  }

  /** Writes down what a workflow is asked, or has answered. */
  public void asked(Kind kind, String id, Outcome outcome, String detail) {
    jdbi.useTransaction(handle -> record(handle, kind, id, outcome, detail));
  }

  private void record(Handle handle, Kind kind, String id, Outcome outcome, String detail) {
    handle
        .createUpdate(
            """
            insert into audit (actor, role, action, subject_kind, subject_id, project, outcome,
              detail, request_id, address)
            values (:actor, :role, :action, :kind, :id, case :kind
                when 'EXPERIMENT' then (select project from experiment where id = :id)
                when 'STUDY' then (select project from study where id = :id) end,
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
        .execute();
  }
}
