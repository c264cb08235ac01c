package dev.atelier.worker;

import static dev.atelier.worker.Failures.translating;

import dev.atelier.store.EvaluationHistory;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.ModelHistory;
import dev.atelier.workflows.HistoryActivities;
import dev.atelier.workflows.vocabulary.EventKind;
import dev.atelier.workflows.vocabulary.Subject;

/** Writes what the workflow decides into the history. */
record HistoryActivitiesImpl(
    ExperimentHistory experiments, ModelHistory models, EvaluationHistory evaluations)
    implements HistoryActivities {

  @Override
  public void recordStage(RecordStage to) {
    translating(
        () ->
            experiments.recordStage(
                to.experimentId(), to.stage(), to.errorType(), to.errorMessage()));
  }

  @Override
  public void recordModelFailed(RecordModelFailed of) {
    translating(
        () -> models.recordFailed(of.experimentId(), of.key(), of.errorType(), of.errorMessage()));
  }

  @Override
  public void recordRetry(RecordRetry of) {
    translating(() -> models.recordRetry(of.experimentId(), of.key(), of.overrides(), of.steps()));
  }

  @Override
  public void recordExtension(RecordExtension of) {
    translating(() -> models.recordExtension(of.experimentId(), of.key(), of.steps()));
  }

  @Override
  public void recordReplacement(RecordReplacement of) {
    translating(
        () -> models.recordReplacement(of.experimentId(), of.key(), of.replacement(), of.steps()));
  }

  @Override
  public void recordCancelRequest(RecordCancelRequest of) {
    translating(() -> models.recordCancelRequest(of.experimentId(), of.key()));
  }

  @Override
  public void recordModelCanceled(RecordModelCanceled of) {
    translating(() -> models.recordCanceled(of.experimentId(), of.key()));
  }

  @Override
  public void recordPause(RecordPause of) {
    translating(() -> experiments.recordPause(of.experimentId(), of.paused()));
  }

  @Override
  public void recordHandedBack(RecordHandedBack of) {
    translating(() -> models.recordHandedBack(of.experimentId()));
  }

  @Override
  public void recordReevaluation(RecordReevaluation of) {
    EventKind why = of.asked() ? EventKind.RERUN_EVALUATION : EventKind.FIGURES_OUTDATED;
    var subjects = of.subjects().stream().map(Subject::word).toList();
    translating(() -> evaluations.forget(of.experimentId(), subjects, why));
  }

  @Override
  public void recordTeacherRange(RecordTeacherRange of) {
    translating(() -> models.recordTeacherRange(of.experimentId(), of.key(), of.range()));
  }
}
