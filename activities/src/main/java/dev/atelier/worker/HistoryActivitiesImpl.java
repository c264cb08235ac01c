package dev.atelier.worker;

import dev.atelier.store.ExperimentHistory;
import dev.atelier.workflows.EvaluationActivities;
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
        () ->
            history.recordRetry(
                retry.experimentId(), retry.key(), retry.overrides(), retry.steps()));
  }

  @Override
  public void recordExtension(RecordExtension extension) {
    Failures.translating(
        () ->
            history.recordExtension(extension.experimentId(), extension.key(), extension.steps()));
  }

  @Override
  public void recordReplacement(RecordReplacement replaced) {
    Failures.translating(
        () ->
            history.recordReplacement(
                replaced.experimentId(), replaced.key(), replaced.replacement(), replaced.steps()));
  }

  @Override
  public void recordCancelRequest(RecordCancelRequest request) {
    Failures.translating(() -> history.recordCancelRequest(request.experimentId(), request.key()));
  }

  @Override
  public void recordModelCanceled(RecordModelCanceled canceled) {
    Failures.translating(
        () -> history.recordModelCanceled(canceled.experimentId(), canceled.key()));
  }

  @Override
  public void recordPause(RecordPause pause) {
    Failures.translating(() -> history.recordPause(pause.experimentId(), pause.paused()));
  }

  @Override
  public void recordHandedBack(RecordHandedBack handedBack) {
    Failures.translating(() -> history.recordHandedBack(handedBack.experimentId()));
  }

  @Override
  public void recordReevaluation(RecordReevaluation stale) {
    Failures.translating(
        () ->
            history.forgetFigures(
                stale.experimentId(),
                stale.subjects().stream().map(EvaluationActivities.Subject::label).toList(),
                stale.asked() ? "rerun-evaluation" : "figures-outdated"));
  }

  @Override
  public void recordTeacherRange(RecordTeacherRange owned) {
    Failures.translating(
        () -> history.recordTeacherRange(owned.experimentId(), owned.key(), owned.range()));
  }
}
