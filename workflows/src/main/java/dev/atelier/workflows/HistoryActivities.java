package dev.atelier.workflows;

import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.vocabulary.Subject;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.List;

/** Keeps the experiment's rows in step with its workflow. */
@ActivityInterface
public interface HistoryActivities {

  /** The stage that the experiment entered; the failure's fields are empty unless it failed. */
  record RecordStage(String experimentId, Stage stage, String errorType, String errorMessage) {}

  /** A model that will not be tried again on its own. */
  record RecordModelFailed(
      String experimentId, ModelKey key, String errorType, String errorMessage) {}

  /**
   * A model whose training starts again, to {@code steps} in all: at a user's wish, or in smaller
   * parts, as its spec allows where memory ran out.
   */
  record RecordRetry(String experimentId, ModelKey key, TrainingOverrides overrides, int steps) {}

  /** A model that a user wants to be trained to more steps in all. */
  record RecordExtension(String experimentId, ModelKey key, int steps) {}

  /** A model that is trained anew from step 0; its attempts so far have lost their power. */
  record RecordReplacement(
      String experimentId, ModelKey key, StudentReplacement replacement, int steps) {}

  /** A user wants the experiment to go on without this model. */
  record RecordCancelRequest(String experimentId, ModelKey key) {}

  /** A model that has stopped for good, unless it is asked for again. */
  record RecordModelCanceled(String experimentId, ModelKey key) {}

  /** A user wants the experiment to hand back its work, or to go on. */
  record RecordPause(String experimentId, boolean paused) {}

  /** Models that have been handed back wait to go on. */
  record RecordHandedBack(String experimentId) {}

  /**
   * Figures that no longer hold.
   *
   * @param asked whether a user wants them measured again; else, because models have changed
   */
  record RecordReevaluation(String experimentId, List<Subject> subjects, boolean asked) {}

  /** A range that the teacher owns in the place of the student {@code key}. */
  record RecordTeacherRange(String experimentId, ModelKey key, TimestepRange range) {}

  @ActivityMethod(name = "RecordStage")
  void recordStage(RecordStage stage);

  @ActivityMethod(name = "RecordModelFailed")
  void recordModelFailed(RecordModelFailed failed);

  @ActivityMethod(name = "RecordRetry")
  void recordRetry(RecordRetry retry);

  @ActivityMethod(name = "RecordExtension")
  void recordExtension(RecordExtension extension);

  @ActivityMethod(name = "RecordReplacement")
  void recordReplacement(RecordReplacement replacement);

  @ActivityMethod(name = "RecordCancelRequest")
  void recordCancelRequest(RecordCancelRequest request);

  @ActivityMethod(name = "RecordModelCanceled")
  void recordModelCanceled(RecordModelCanceled canceled);

  @ActivityMethod(name = "RecordPause")
  void recordPause(RecordPause pause);

  @ActivityMethod(name = "RecordHandedBack")
  void recordHandedBack(RecordHandedBack handedBack);

  @ActivityMethod(name = "RecordReevaluation")
  void recordReevaluation(RecordReevaluation reevaluation);

  @ActivityMethod(name = "RecordTeacherRange")
  void recordTeacherRange(RecordTeacherRange owned);
}
