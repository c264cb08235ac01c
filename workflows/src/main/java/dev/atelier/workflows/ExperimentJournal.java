package dev.atelier.workflows;

import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.HistoryActivities.RecordCancelRequest;
import dev.atelier.workflows.HistoryActivities.RecordExtension;
import dev.atelier.workflows.HistoryActivities.RecordHandedBack;
import dev.atelier.workflows.HistoryActivities.RecordModelCanceled;
import dev.atelier.workflows.HistoryActivities.RecordModelFailed;
import dev.atelier.workflows.HistoryActivities.RecordPause;
import dev.atelier.workflows.HistoryActivities.RecordReevaluation;
import dev.atelier.workflows.HistoryActivities.RecordReplacement;
import dev.atelier.workflows.HistoryActivities.RecordRetry;
import dev.atelier.workflows.HistoryActivities.RecordStage;
import dev.atelier.workflows.HistoryActivities.RecordTeacherRange;
import dev.atelier.workflows.vocabulary.Subject;
import io.temporal.workflow.Workflow;
import java.util.List;

/**
 * What is decided about an experiment, on its way to the history in the order of the decisions.
 * Only a stage and a reevaluation are waited for.
 */
final class ExperimentJournal {

  private final HistoryActivities history =
      Workflow.newActivityStub(HistoryActivities.class, Activities.DATABASE);

  private final Journal journal = new Journal();
  private final String experimentId;

  ExperimentJournal(String experimentId) {
    this.experimentId = experimentId;
  }

  /** Begins to write; to be called by the workflow's method. */
  void open() {
    journal.open();
  }

  /** Returns once everything is written; throws the failure of an entry that could not be. */
  void flush() {
    journal.flush();
  }

  /** Also flushes. */
  void stage(Stage stage, Failure reason) {
    journal.add(
        () ->
            history.recordStage(
                new RecordStage(experimentId, stage, reason.type(), reason.message())));
    journal.flush();
  }

  /** Also flushes. */
  void reevaluation(List<Subject> stale, boolean asked) {
    journal.add(
        () -> history.recordReevaluation(new RecordReevaluation(experimentId, stale, asked)));
    journal.flush();
  }

  void modelFailed(ModelKey key, Failure reason) {
    journal.add(
        () ->
            history.recordModelFailed(
                new RecordModelFailed(experimentId, key, reason.type(), reason.message())));
  }

  void modelCanceled(ModelKey key) {
    journal.add(() -> history.recordModelCanceled(new RecordModelCanceled(experimentId, key)));
  }

  void handedBack() {
    journal.add(() -> history.recordHandedBack(new RecordHandedBack(experimentId)));
  }

  void retry(ModelKey key, TrainingOverrides overrides, int steps) {
    journal.add(() -> history.recordRetry(new RecordRetry(experimentId, key, overrides, steps)));
  }

  void extension(ModelKey key, int steps) {
    journal.add(() -> history.recordExtension(new RecordExtension(experimentId, key, steps)));
  }

  void replacement(ModelKey key, StudentReplacement replacement, int steps) {
    journal.add(
        () ->
            history.recordReplacement(
                new RecordReplacement(experimentId, key, replacement, steps)));
  }

  void cancelRequest(ModelKey key) {
    journal.add(() -> history.recordCancelRequest(new RecordCancelRequest(experimentId, key)));
  }

  void pause() {
    journal.add(() -> history.recordPause(new RecordPause(experimentId, true)));
  }

  void resume() {
    journal.add(() -> history.recordPause(new RecordPause(experimentId, false)));
  }

  /** Written at once, out of turn, and given up if the caller is canceled meanwhile. */
  void teacherRange(ModelKey key, TimestepRange range) {
    history.recordTeacherRange(new RecordTeacherRange(experimentId, key, range));
  }
}
