package dev.atelier.worker;

import dev.atelier.store.ExperimentHistory;
import dev.atelier.workflows.HistoryActivities;

/** Writes what the workflow decides into the history. */
final class HistoryActivitiesImpl implements HistoryActivities {

  private final ExperimentHistory history;

  HistoryActivitiesImpl(ExperimentHistory history) {
    this.history = history;
  }

  @Override
  public void recordStage(RecordStage stage) {
    Failures.translating(
        () ->
            history.recordStage(
                stage.experimentId(), stage.stage(), stage.errorType(), stage.errorMessage()));
  }

  @Override
  public void recordModelFailed(RecordModelFailed failed) {
    Failures.translating(
        () ->
            history.recordModelFailed(
                failed.experimentId(), failed.key(), failed.errorType(), failed.errorMessage()));
  }

  @Override
  public void recordRetry(RecordRetry retry) {
    Failures.translating(
        () -> history.recordRetry(retry.experimentId(), retry.key(), retry.overrides()));
  }

  @Override
  public void recordTeacherRange(RecordTeacherRange owned) {
    Failures.translating(
        () -> history.recordTeacherRange(owned.experimentId(), owned.key(), owned.range()));
  }
}
