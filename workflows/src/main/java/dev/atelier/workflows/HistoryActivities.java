package dev.atelier.workflows;

import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;

/** Keeps the experiment's rows in step with its workflow. */
@ActivityInterface
public interface HistoryActivities {

  /** The stage that the experiment entered; the failure's fields are empty unless it failed. */
  record RecordStage(String experimentId, Stage stage, String errorType, String errorMessage) {}

  /** A model that will not be tried again on its own. */
  record RecordModelFailed(
      String experimentId, ModelKey key, String errorType, String errorMessage) {}

  /** A model whose training starts again at a user's wish. */
  record RecordRetry(String experimentId, ModelKey key, TrainingOverrides overrides) {}

  /** A range that the teacher owns in the place of the student {@code key}. */
  record RecordTeacherRange(String experimentId, ModelKey key, TimestepRange range) {}

  @ActivityMethod(name = "RecordStage")
  void recordStage(RecordStage stage);

  @ActivityMethod(name = "RecordModelFailed")
  void recordModelFailed(RecordModelFailed failed);

  @ActivityMethod(name = "RecordRetry")
  void recordRetry(RecordRetry retry);

  @ActivityMethod(name = "RecordTeacherRange")
  void recordTeacherRange(RecordTeacherRange owned);
}
