package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.StudyActivities.Member;
import dev.atelier.workflows.StudyActivities.RecordStudyStage;
import dev.atelier.workflows.StudyActivities.ReportStudy;
import io.temporal.api.enums.v1.ParentClosePolicy;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Experiments as child workflows, at most so many at once; then the report. */
public final class StudyWorkflowImpl implements StudyWorkflow {

  private final StudyActivities studies =
      Workflow.newActivityStub(StudyActivities.class, Activities.DATABASE);
  private final StudyActivities reports =
      Workflow.newActivityStub(StudyActivities.class, Activities.REPORT);

  private final String studyId;
  private final int atOnce;
  private final Duration awaitRetry;
  private final List<MemberRun> members;
  private StudyStage stage = StudyStage.QUEUED;

  @WorkflowInit
  public StudyWorkflowImpl(Input input) {
    studyId = input.studyId();
    atOnce = input.atOnce();
    awaitRetry = Duration.ofHours(input.awaitRetryHours());
    members = input.experimentIds().stream().map(MemberRun::new).toList();
  }

  @Override
  public void run(Input input) {
    try {
      runMembers();
      enter(StudyStage.REPORTING);
      reports.reportStudy(new ReportStudy(studyId));
      enter(StudyStage.DONE);
    } catch (TemporalFailure e) {
      // Recorded outside the workflow's scope, which may be canceled.
      CancellationScope end = Workflow.newDetachedCancellationScope(() -> recordEnd(e));
      end.run();
      throw e;
    }
  }

  private void runMembers() {
    while (true) {
      members.stream()
          .filter(m -> m.state() == State.QUEUED)
          .limit(Math.max(0, atOnce - count(State.RUNNING)))
          .forEach(this::start);
      if (count(State.ENDED) == members.size()) {
        return;
      }
      if (count(State.RUNNING) > 0) {
        enter(StudyStage.RUNNING);
        // Not whether it has changed: that may have been while the stage was recorded.
        Workflow.await(() -> count(State.RUNNING) == 0 || hasTurn());
      } else if (count(State.QUEUED) == 0) {
        enter(StudyStage.AWAITING_RETRY);
        if (!Workflow.await(
            awaitRetry, () -> count(State.RUNNING) > 0 || count(State.AWAITING_RETRY) == 0)) {
          giveUpWaiting();
        }
      }
    }
  }

  /** Whether an experiment waits for its turn and there is one. */
  private boolean hasTurn() {
    return count(State.QUEUED) > 0 && count(State.RUNNING) < atOnce;
  }

  private void start(MemberRun member) {
    Optional<ExperimentSpec> spec =
        studies.memberSpec(new Member(studyId, member.experimentId)).spec();
    if (spec.isEmpty()) {
      member.end = Workflow.newPromise(true);
      return;
    }
    ChildWorkflowOptions.Builder options =
        ChildWorkflowOptions.newBuilder()
            .setWorkflowId(DistillationWorkflow.workflowId(member.experimentId))
            .setTaskQueue(TaskQueues.LIGHT)
            .setWorkflowIdReusePolicy(
                WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
            .setParentClosePolicy(ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL)
            .setStaticSummary(spec.get().name())
            .setStaticDetails(DistillationWorkflow.details(spec.get()));
    if (foundBy()) {
      options.setTypedSearchAttributes(FoundBy.of(spec.get(), Optional.of(studyId)));
    }
    DistillationWorkflow child =
        Workflow.newChildWorkflowStub(DistillationWorkflow.class, options.build());
    member.scope =
        Workflow.newCancellationScope(
            () ->
                // A member that fails or is canceled has its reason in its own row.
                member.end =
                    Async.procedure(
                            child::run,
                            new DistillationWorkflow.Input(member.experimentId, spec.get()))
                        .handle((nothing, failure) -> failure == null));
    member.scope.run();
  }

  private void giveUpWaiting() {
    List<MemberRun> waiting =
        members.stream().filter(m -> m.state() == State.AWAITING_RETRY).toList();
    waiting.forEach(m -> m.scope.cancel("not retried in time"));
    Workflow.await(() -> waiting.stream().allMatch(m -> m.state() == State.ENDED));
  }

  private void recordEnd(TemporalFailure failure) {
    boolean canceled = failure instanceof CanceledFailure;
    // Each experiment saves its checkpoints and records its end before the study says so.
    members.stream()
        .filter(m -> m.state() != State.QUEUED && m.state() != State.ENDED)
        .forEach(m -> m.scope.cancel("the study ends"));
    Workflow.await(
        () ->
            members.stream().allMatch(m -> m.state() == State.QUEUED || m.state() == State.ENDED));
    stage = canceled ? StudyStage.CANCELED : StudyStage.FAILED;
    publishStage();
    String reason = canceled ? "" : String.valueOf(rootOf(failure).getMessage());
    studies.recordStudyStage(new RecordStudyStage(studyId, stage, reason));
  }

  private static Throwable rootOf(Throwable failure) {
    return failure.getCause() == null ? failure : rootOf(failure.getCause());
  }

  private void enter(StudyStage next) {
    if (stage != next) {
      stage = next;
      Workflow.setCurrentDetails(
          "**%s**: %d of %d experiments have ended"
              .formatted(stage, count(State.ENDED), members.size()));
      publishStage();
      studies.recordStudyStage(new RecordStudyStage(studyId, next, ""));
    }
  }

  private void publishStage() {
    if (foundBy()) {
      Workflow.upsertTypedSearchAttributes(FoundBy.STAGE.valueSet(stage.name()));
    }
  }

  private static boolean foundBy() {
    return Workflow.getTypedSearchAttributes().containsKey(FoundBy.STAGE);
  }

  private int count(State state) {
    return (int) members.stream().filter(m -> m.state() == state).count();
  }

  @Override
  public void memberStage(MemberStage member) {
    members.stream()
        .filter(m -> m.experimentId.equals(member.experimentId()))
        .forEach(m -> m.awaitsRetry = member.stage() == Stage.AWAITING_RETRY);
  }

  @Override
  public Progress progress() {
    return new Progress(
        stage,
        count(State.QUEUED),
        count(State.RUNNING),
        count(State.AWAITING_RETRY),
        count(State.ENDED));
  }

  private enum State {
    QUEUED,
    RUNNING,
    AWAITING_RETRY, // takes no turn from another
    ENDED
  }

  /** One experiment's way through the study. */
  private static final class MemberRun {
    final String experimentId;
    CancellationScope scope;
    Promise<Boolean> end;
    boolean awaitsRetry;

    MemberRun(String experimentId) {
      this.experimentId = experimentId;
    }

    State state() {
      if (end == null) {
        return State.QUEUED;
      }
      if (end.isCompleted()) {
        return State.ENDED;
      }
      return awaitsRetry ? State.AWAITING_RETRY : State.RUNNING;
    }
  }
}
