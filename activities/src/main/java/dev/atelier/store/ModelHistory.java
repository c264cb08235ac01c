package dev.atelier.store;

import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.vocabulary.EventKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.sql.DataSource;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.PreparedBatch;

/**
 * What becomes of an experiment's models beside their attempts. Methods are as those of {@link
 * ExperimentHistory}.
 */
public final class ModelHistory {

  private final Database database;

  public ModelHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  public void recordFailed(
      String experimentId, ModelKey key, String errorType, String errorMessage) {
    database.inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update model
                      set state = :failed, error_type = :errorType, error_message = :errorMessage,
                          finished_at = now(), fence = fence + 1
                      where experiment_id = :id and key = :key and state <> :failed
                      """)
                  .bind("id", experimentId)
                  .bind("key", key.value())
                  .bind("failed", ModelState.FAILED.name())
                  .bind("errorType", errorType)
                  .bind("errorMessage", errorMessage)
                  .execute();
          return changed == 0
              ? null
              : EventHistory.add(
                  handle, experimentId, EventKind.MODEL_FAILED, Optional.of(key), errorMessage);
        });
  }

  /** Sets the ranges of the students, in order, where they were not known at launch. */
  public void recordRanges(String experimentId, List<TimestepRange> ranges, String detail) {
    Map<ModelKey, TimestepRange> byStudent = new LinkedHashMap<>();
    for (int k = 1; k <= ranges.size(); k++) {
      byStudent.put(ModelKey.student(k), ranges.get(k - 1));
    }
    database.inTransaction(
        handle -> {
          setRanges(handle, experimentId, byStudent);
          return EventHistory.addOnce(
              handle, experimentId, EventKind.RANGES_PLANNED, Optional.empty(), detail);
        });
  }

  /** Sets the ranges of those models that the experiment has. */
  static void setRanges(Handle handle, String experimentId, Map<ModelKey, TimestepRange> ranges) {
    PreparedBatch batch =
        handle.prepareBatch(
            """
            update model set range_low = :low, range_high = :high
            where experiment_id = :id and key = :key
            """);
    ranges.forEach(
        (key, range) ->
            batch
                .bind("id", experimentId)
                .bind("key", key.value())
                .bind("low", range.low())
                .bind("high", range.high())
                .add());
    batch.execute();
  }

  /** Ends a student whose range the teacher owns: it has the teacher's size, and no steps. */
  public void recordTeacherRange(String experimentId, ModelKey key, TimestepRange range) {
    database.inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update model
                      set state = :done, range_low = :low, range_high = :high, total_steps = 0,
                          parameters = teacher.parameters, macs = teacher.macs,
                          started_at = now(), finished_at = now()
                      from (select parameters, macs from model
                            where experiment_id = :id and key = :teacher) as teacher
                      where experiment_id = :id and key = :key and state <> :done
                      """)
                  .bind("id", experimentId)
                  .bind("key", key.value())
                  .bind("teacher", ModelKey.TEACHER.value())
                  .bind("low", range.low())
                  .bind("high", range.high())
                  .bind("done", ModelState.DONE.name())
                  .execute();
          return changed == 0
              ? null
              : EventHistory.add(
                  handle,
                  experimentId,
                  EventKind.TEACHER_RANGE,
                  Optional.of(key),
                  "the teacher owns " + range);
        });
  }

  public void recordRetry(
      String experimentId, ModelKey key, TrainingOverrides overrides, int steps) {
    database.inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  update model
                  set state = :pending, overrides = cast(:overrides as jsonb), fingerprint = null,
                      total_steps = case when total_steps = 0 then 0 else :steps end,
                      error_type = null, error_message = null, finished_at = null
                  where experiment_id = :id and key = :key
                  """)
              .bind("id", experimentId)
              .bind("key", key.value())
              .bind("steps", steps)
              .bind("pending", ModelState.PENDING.name())
              .bind("overrides", JsonColumn.write(overrides))
              .execute();
          return EventHistory.addRequest(
              handle, experimentId, EventKind.RETRY, Optional.of(key), JsonColumn.write(overrides));
        });
  }

  /**
   * A model that is to be trained to more steps. One that is done goes on in a place of its own, so
   * that experiments that took it over keep it as it was.
   */
  public void recordExtension(String experimentId, ModelKey key, int steps) {
    database.inTransaction(
        handle -> {
          keepCurvesOfReusers(handle, experimentId, key);
          handle
              .createUpdate(
                  """
                  update model
                  set state = case when state = :running then state else :pending end,
                      place = case when state = :done and total_steps < :steps
                        then place + 1 else place end,
                      total_steps = :steps, fingerprint = null, reused_from = null,
                      curves = coalesce(curves,
                        (select s.curves from model s where s.id = model.reused_from)),
                      error_type = null, error_message = null, finished_at = null
                  where experiment_id = :id and key = :key
                  """)
              .bind("id", experimentId)
              .bind("key", key.value())
              .bind("steps", steps)
              .bind("running", ModelState.RUNNING.name())
              .bind("pending", ModelState.PENDING.name())
              .bind("done", ModelState.DONE.name())
              .execute();
          return EventHistory.addRequest(
              handle,
              experimentId,
              EventKind.EXTEND,
              Optional.of(key),
              "to %d steps".formatted(steps));
        });
  }

  /**
   * A model that begins anew at step 0 in a place of its own: its checkpoints and curves so far are
   * forgotten, and an attempt that still runs has lost its power. The objects stay for experiments
   * that took the model over.
   */
  public void recordReplacement(
      String experimentId, ModelKey key, StudentReplacement replacement, int steps) {
    database.inTransaction(
        handle -> {
          keepCurvesOfReusers(handle, experimentId, key);
          handle
              .createUpdate(
                  """
                  delete from checkpoint where model_id =
                    (select id from model where experiment_id = :id and key = :key)
                  """)
              .bind("id", experimentId)
              .bind("key", key.value())
              .execute();
          handle
              .createUpdate(
                  """
                  update model
                  set state = :pending, place = place + 1, fence = fence + 1, step = 0,
                      total_steps = :steps, overrides = cast(:overrides as jsonb), loss = null,
                      images_per_second = null, parameters = null, macs = null, curves = null,
                      fingerprint = null, reused_from = null, start_key = null,
                      start_sha256 = null, error_type = null, error_message = null,
                      started_at = null, finished_at = null
                  where experiment_id = :id and key = :key
                  """)
              .bind("id", experimentId)
              .bind("key", key.value())
              .bind("steps", steps)
              .bind("pending", ModelState.PENDING.name())
              .bind("overrides", JsonColumn.write(replacement.training()))
              .execute();
          return EventHistory.addRequest(
              handle,
              experimentId,
              EventKind.REPLACE,
              Optional.of(key),
              JsonColumn.write(replacement));
        });
  }

  /**
   * Gives those that took a model over its curves as they are now; an attempt at it copies them.
   */
  private static void keepCurvesOfReusers(Handle handle, String experimentId, ModelKey key) {
    Curves.moveFormerPoints(handle, experimentId, Optional.of(key));
    handle
        .createUpdate(
            """
            update model r set curves = m.curves from model m
            where m.experiment_id = :id and m.key = :key
              and r.reused_from = m.id and r.curves is null
            """)
        .bind("id", experimentId)
        .bind("key", key.value())
        .execute();
  }

  public void recordCancelRequest(String experimentId, ModelKey key) {
    database.inTransaction(
        handle ->
            EventHistory.addRequest(
                handle, experimentId, EventKind.CANCEL_MODEL, Optional.of(key), ""));
  }

  /** Ends a model that is no longer wanted; an attempt that still runs has lost its power. */
  public void recordCanceled(String experimentId, ModelKey key) {
    database.inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update model
                      set state = :canceled, fingerprint = null, error_type = null,
                          place = case when state = :done then place + 1 else place end,
                          error_message = null, finished_at = now(), fence = fence + 1
                      where experiment_id = :id and key = :key and state <> :canceled
                      """)
                  .bind("id", experimentId)
                  .bind("key", key.value())
                  .bind("canceled", ModelState.CANCELED.name())
                  .bind("done", ModelState.DONE.name())
                  .execute();
          TurnHistory.giveBack(handle, experimentId, key.value()); // none had it, perhaps
          return changed == 0
              ? null
              : EventHistory.add(
                  handle, experimentId, EventKind.MODEL_CANCELED, Optional.of(key), "");
        });
  }

  /** Models whose attempts have been handed back wait to go on; writes of those are refused. */
  public void recordHandedBack(String experimentId) {
    database.inTransaction(
        handle -> {
          TurnHistory.giveBackAll(handle, experimentId);
          return handle
              .createUpdate(
                  """
                  update model set state = :pending, fence = fence + 1
                  where experiment_id = :id and state = :running
                  """)
              .bind("id", experimentId)
              .bind("pending", ModelState.PENDING.name())
              .bind("running", ModelState.RUNNING.name())
              .execute();
        });
  }
}
