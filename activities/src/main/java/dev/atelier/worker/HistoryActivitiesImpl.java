package dev.atelier.worker;

import dev.atelier.store.EvaluationHistory;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.ModelHistory;
import dev.atelier.workflows.HistoryActivities;
import dev.atelier.workflows.vocabulary.EventKind;
import dev.atelier.workflows.vocabulary.Subject;
import javax.sql.DataSource;

/** Writes what the workflow decides into the history. */
final class HistoryActivitiesImpl implements HistoryActivities {

  private final ExperimentHistory experiments;
  private final ModelHistory models;
  private final EvaluationHistory evaluations;

  HistoryActivitiesImpl(DataSource database) {
    this.experiments = new ExperimentHistory(database);
    this.models = new ModelHistory(database);
    this.evaluations = new EvaluationHistory(database);
  }

  @Override
  public void recordStage(RecordStage stage) {
    Failures.translating(
        () ->
            experiments.recordStage(
                stage.experimentId(), stage.stage(), stage.errorType(), stage.errorMessage()));
  }

  @Override
  public void recordModelFailed(RecordModelFailed failed) {
    Failures.translating(
        () ->
            models.recordFailed(
                failed.experimentId(), failed.key(), failed.errorType(), failed.errorMessage()));
  }

  @Override
  public void recordRetry(RecordRetry retry) {
    Failures.translating(
        () ->
            models.recordRetry(
                retry.experimentId(), retry.key(), retry.overrides(), retry.steps()));
  }

  @Override
  public void recordExtension(RecordExtension extension) {
    Failures.translating(
        () -> models.recordExtension(extension.experimentId(), extension.key(), extension.steps()));
  }

  @Override
  public void recordReplacement(RecordReplacement replaced) {
    Failures.translating(
        () ->
            models.recordReplacement(
                replaced.experimentId(), replaced.key(), replaced.replacement(), replaced.steps()));
  }

  @Override
  public void recordCancelRequest(RecordCancelRequest request) {
    Failures.translating(() -> models.recordCancelRequest(request.experimentId(), request.key()));
  }

  @Override
  public void recordModelCanceled(RecordModelCanceled canceled) {
    Failures.translating(() -> models.recordCanceled(canceled.experimentId(), canceled.key()));
  }

  @Override
  public void recordPause(RecordPause pause) {
    Failures.translating(() -> experiments.recordPause(pause.experimentId(), pause.paused()));
  }

  @Override
  public void recordHandedBack(RecordHandedBack handedBack) {
    Failures.translating(() -> models.recordHandedBack(handedBack.experimentId()));
  }

  @Override
  public void recordReevaluation(RecordReevaluation stale) {
    Failures.translating(
        () ->
            evaluations.forget(
                stale.experimentId(),
                stale.subjects().stream().map(Subject::word).toList(),
                stale.asked() ? EventKind.RERUN_EVALUATION : EventKind.FIGURES_OUTDATED));
  }

  @Override
  public void recordTeacherRange(RecordTeacherRange owned) {
    Failures.translating(
        () -> models.recordTeacherRange(owned.experimentId(), owned.key(), owned.range()));
  }
}
