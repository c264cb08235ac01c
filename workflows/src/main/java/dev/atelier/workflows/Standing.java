package dev.atelier.workflows;

import io.temporal.common.SearchAttributeUpdate;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.SignalExternalWorkflowException;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Supplier;

/** Where an experiment stands, told to all who follow it. */
final class Standing {

  private final Experiment experiment;
  private final Cohort cohort;
  private final ExperimentJournal journal;
  private Stage stage = Stage.QUEUED;
  private Optional<Instant> deadline = Optional.empty();
  private Optional<CancellationScope> root = Optional.empty(); // that of the whole workflow

  Standing(Experiment experiment, Cohort cohort, ExperimentJournal journal) {
    this.experiment = experiment;
    this.cohort = cohort;
    this.journal = journal;
  }

  /** To be called by the workflow's method. */
  void begin() {
    root = Optional.of(CancellationScope.current());
  }

  Stage stage() {
    return stage;
  }

  boolean isBeingCanceled() {
    return root.isPresent() && root.get().isCancelRequested();
  }

  /** When it stops waiting for a retry; present while it does. */
  Optional<Instant> deadline() {
    return deadline;
  }

  void enter(Stage next) {
    enter(next, Failure.NONE);
  }

  void enter(Stage next, Failure reason) {
    if (stage != next) {
      boolean turnChanges = stage == Stage.AWAITING_RETRY || next == Stage.AWAITING_RETRY;
      stage = next;
      Workflow.setCurrentDetails(details());
      publish(FoundBy.STAGE.valueSet(next.name()));
      journal.stage(next, reason);
      if (turnChanges) { // all that the study asks; more would fill its history
        Workflow.getInfo().getParentWorkflowId().ifPresent(this::tellStudy);
      }
    }
  }

  /** Ends as the failure says: canceled or failed. */
  void end(TemporalFailure failure) {
    stage = Failure.isCancellation(failure) ? Stage.CANCELED : Stage.FAILED;
    publish(FoundBy.STAGE.valueSet(stage.name()));
    journal.stage(stage, stage == Stage.CANCELED ? Failure.NONE : Failure.of(failure));
  }

  /** Waits for somebody to ask for something; false: nobody has by the deadline. */
  boolean awaitUntilDeadline(Supplier<Boolean> asked) {
    Duration patience = Duration.ofHours(experiment.spec().awaitRetryHours());
    deadline = Optional.of(Instant.ofEpochMilli(Workflow.currentTimeMillis()).plus(patience));
    try {
      return Workflow.await(patience, asked);
    } finally {
      deadline = Optional.empty();
    }
  }

  /** Has the experiment found by {@code attribute}, where the cluster knows such. */
  void publish(SearchAttributeUpdate<?> attribute) {
    if (Workflow.getTypedSearchAttributes().containsKey(FoundBy.STAGE)) {
      Workflow.upsertTypedSearchAttributes(attribute);
    }
  }

  private void tellStudy(String studyWorkflowId) {
    try {
      Workflow.newUntypedExternalWorkflowStub(studyWorkflowId)
          .signal("memberStage", new StudyWorkflow.MemberStage(experiment.id(), stage));
    } catch (SignalExternalWorkflowException e) {
      // The study has ended without this experiment, which goes on.
      return;
    }
  }

  private String details() {
    StringBuilder text = new StringBuilder("**").append(stage).append("**\n\n");
    cohort
        .models()
        .forEach(
            m -> text.append("- ").append(m.key()).append(": ").append(m.state()).append('\n'));
    return text.toString();
  }
}
