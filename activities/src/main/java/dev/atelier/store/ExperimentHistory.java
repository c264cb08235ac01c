package dev.atelier.store;

import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.SpecRules;
import dev.atelier.spec.TimestepRange;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.EventKind;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * Experiments' own rows. Each method is one transaction and can be repeated without harm; a failure
 * of the database is a {@link StoreUnavailableException}.
 */
public final class ExperimentHistory {

  private final Database database;

  public ExperimentHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /** Enters a stage; a final one also ends what was still running. Repeating changes nothing. */
  public void recordStage(String experimentId, Stage stage, String errorType, String errorMessage) {
    database.inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update experiment
                      set stage = :stage, updated_at = now(),
                          error_type = nullif(:errorType, ''),
                          error_message = nullif(:errorMessage, ''),
                          finished_at = case when :terminal then now() end,
                          paused_at = case when not :terminal then paused_at end
                      where id = :id and stage <> :stage
                      """)
                  .bind("id", experimentId)
                  .bind("stage", stage.name())
                  .bind("errorType", errorType)
                  .bind("errorMessage", errorMessage)
                  .bind("terminal", stage.terminal())
                  .execute();
          if (changed == 0) {
            return null;
          }
          if (stage.terminal()) {
            TurnHistory.giveBackAll(handle, experimentId);
          }
          if (stage.terminal() && stage != Stage.DONE) {
            handle
                .createUpdate(
                    """
                    update model set state = :canceled, finished_at = now(), fence = fence + 1
                    where experiment_id = :id and state in (:pending, :running)
                    """)
                .bind("id", experimentId)
                .bind("canceled", ModelState.CANCELED.name())
                .bind("pending", ModelState.PENDING.name())
                .bind("running", ModelState.RUNNING.name())
                .execute();
          }
          String detail = errorMessage.isEmpty() ? stage.name() : stage + ": " + errorMessage;
          return EventHistory.add(handle, experimentId, EventKind.STAGE, Optional.empty(), detail);
        });
  }

  public void recordDataset(String experimentId, DatasetRef dataset) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    "update experiment set dataset = cast(:dataset as jsonb) where id = :id")
                .bind("id", experimentId)
                .bind("dataset", JsonColumn.write(dataset))
                .execute());
  }

  /** Says that a user has paused the experiment, or that it goes on. */
  public void recordPause(String experimentId, boolean paused) {
    database.inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update experiment
                      set paused_at = case when :paused then now() end, updated_at = now()
                      where id = :id and (paused_at is null) = :paused
                      """)
                  .bind("id", experimentId)
                  .bind("paused", paused)
                  .execute();
          return changed == 0
              ? null
              : EventHistory.add(
                  handle,
                  experimentId,
                  paused ? EventKind.PAUSE : EventKind.RESUME,
                  Optional.empty(),
                  "");
        });
  }

  /**
   * Makes an imported teacher's forward process that of its experiment, whose spec has left it out:
   * in the spec, and in the ranges of models that are known without the teacher.
   *
   * @return which rules of specs that breaks; nothing is changed then
   */
  public List<SpecFault> recordDiffusion(String experimentId, DiffusionSpec diffusion) {
    return database.inTransaction(
        handle -> {
          ExperimentSpec spec =
              handle
                  .createQuery("select spec from experiment where id = :id for update")
                  .bind("id", experimentId)
                  .map(
                      (row, context) ->
                          JsonColumn.read(row.getString("spec"), ExperimentSpec.class))
                  .one()
                  .with(diffusion);
          List<SpecFault> faults = SpecRules.check(spec);
          if (!faults.isEmpty()) {
            return faults;
          }
          handle
              .createUpdate(
                  """
                  update experiment
                  set spec = jsonb_set(spec, '{diffusion}', cast(:diffusion as jsonb))
                  where id = :id
                  """)
              .bind("id", experimentId)
              .bind("diffusion", JsonColumn.write(diffusion))
              .execute();
          ModelHistory.setRanges(handle, experimentId, rangesOf(spec));
          return List.of();
        });
  }

  /** As far as they are known at launch; those that are planned later are all of [0, T). */
  private static Map<ModelKey, TimestepRange> rangesOf(ExperimentSpec spec) {
    int timesteps = spec.diffusion().timesteps();
    TimestepRange all = new TimestepRange(0, timesteps);
    Map<ModelKey, TimestepRange> ranges = new LinkedHashMap<>();
    ranges.put(ModelKey.TEACHER, all);
    ranges.put(ModelKey.ONE_TO_ONE, all);
    AssignmentSpec assignment = spec.students().assignment();
    int count = spec.students().count();
    List<TimestepRange> cuts =
        assignment.plannedLater() ? Collections.nCopies(count, all) : spec.ranges();
    for (int k = 1; k <= count; k++) {
      ranges.put(ModelKey.student(k), cuts.get(k - 1));
    }
    return ranges;
  }
}
