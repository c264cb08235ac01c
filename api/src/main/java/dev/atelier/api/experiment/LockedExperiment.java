package dev.atelier.api.experiment;

import dev.atelier.api.access.Audit;
import dev.atelier.api.maintenance.Deletions;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.EventKind;
import java.util.Optional;
import org.jdbi.v3.core.Handle;

/** An experiment that no one else may change now. */
public final class LockedExperiment {

  private final Handle handle;
  private final StoredExperiment row;

  LockedExperiment(Handle handle, StoredExperiment row) {
    this.handle = handle;
    this.row = row;
  }

  public StoredExperiment row() {
    return row;
  }

  /** Writes down in the same transaction that the caller has done it. */
  public void audit(Audit audit) {
    audit.done(handle, Audit.Kind.EXPERIMENT, row.id(), row.name());
  }

  public void event(EventKind kind, String detail) {
    ExperimentRepository.insertEvent(handle, row.id(), kind, detail);
  }

  /** Deletes the experiment with all that belongs to it. */
  public void delete() {
    Deletions.deleteRows(handle, row.id());
  }

  /** Ends the experiment and those of its models that have not ended. */
  public void end(Stage stage, Optional<Failure> error) {
    handle
        .createUpdate(
            """
            update experiment
            set stage = :stage, error_type = :type, error_message = :message, paused_at = null,
              updated_at = now(), finished_at = now()
            where id = :id
            """)
        .bind("stage", stage)
        .bind("type", error.map(Failure::type).orElse(null))
        .bind("message", error.map(Failure::message).orElse(null))
        .bind("id", row.id())
        .execute();
    handle
        .createUpdate(
            """
            update model set state = 'CANCELED', finished_at = now(), fence = fence + 1
            where experiment_id = :id and state in ('PENDING', 'RUNNING')
            """)
        .bind("id", row.id())
        .execute();
    handle.execute("delete from device_turn where experiment_id = ?", row.id());
    event(EventKind.STAGE, stage.name());
  }
}
