package dev.atelier.workflows;

import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.ScheduleSearchSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudentsSpec.Owner;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.StudentsSpec.StudentOverride;
import dev.atelier.spec.StudentsSpecBuilder;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.DistillationWorkflow.RetryRequest;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.SearchAttributeKey;
import io.temporal.common.SearchAttributes;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** A shape that the history of a workflow may have, and how to make one. */
@SuppressWarnings("ImmutableEnumChecker") // a spec is immutable, unmarked
enum RecordedRun {
  TRAINED_TEACHER(spec(students(3, true))),
  IMPORTED_TEACHER(
      spec(new TeacherSpec(Optional.of("teacher.pt"), null, null), students(2, false))),
  MEASURED_RANGES(
      spec(
          students(
              2,
              new AssignmentSpec(AssignmentSpec.Kind.MEASURED, null, null),
              List.of(),
              StartFrom.RANDOM))),
  ONE_TO_ONE_FIRST(
      spec(
          students(
              3,
              null,
              List.of(
                  new StudentOverride(2, TrainingOverrides.NONE, Optional.empty(), Owner.TEACHER)),
              StartFrom.ONE_TO_ONE))),
  MERGED_AND_SEARCHED(
      ExperimentSpecBuilder.builder()
          .name("merged")
          .students(students(3, true))
          .merge(
              new MergeSpec(
                  MergeSpec.Kind.GREEDY, null, Optional.empty(), Optional.empty(), null, null))
          .search(new ScheduleSearchSpec(5, 8))
          .build()),
  RETRIED(spec(students(2, false))) {
    @Override
    void prepare(SleepingActivities activities, SleepingTurns turns) {
      activities.diverging.add("student-1");
      activities.elsewhere.add("student-2");
    }

    @Override
    void steer(WorkflowStub workflow, SleepingActivities activities, SleepingTurns turns) {
      await(() -> progress(workflow).stage() == Stage.AWAITING_RETRY);
      activities.diverging.clear();
      Updates.ask(
          workflow,
          "retry",
          Void.class,
          new RetryRequest(ModelKey.student(1), TrainingOverrides.NONE));
    }
  },
  TURN_AWAITED(spec(students(2, false))) {
    @Override
    void prepare(SleepingActivities activities, SleepingTurns turns) {
      turns.noRoom.add("student-1");
    }

    @Override
    void steer(WorkflowStub workflow, SleepingActivities activities, SleepingTurns turns) {
      await(() -> turns.refused.get() >= 2);
      turns.noRoom.clear();
    }
  },
  CANCELED(spec(students(2, false))) {
    @Override
    void prepare(SleepingActivities activities, SleepingTurns turns) {
      activities.endless.add("student-1");
    }

    @Override
    void steer(WorkflowStub workflow, SleepingActivities activities, SleepingTurns turns) {
      await(() -> progress(workflow).stage() == Stage.TRAINING_STUDENTS);
      await(() -> activities.attempts.get() == 2);
      workflow.cancel();
    }
  },
  STUDY(spec(students(1, false))) {
    @Override
    WorkflowStub launch(TestWorkflowEnvironment environment) {
      WorkflowStub study =
          environment
              .getWorkflowClient()
              .newUntypedWorkflowStub(
                  "StudyWorkflow",
                  options("study-1")
                      .setTypedSearchAttributes(
                          SearchAttributes.newBuilder()
                              .set(FoundBy.STAGE, StudyStage.QUEUED.name())
                              .build())
                      .build());
      study.start(new StudyWorkflow.Input("1", 2, 1, List.of("1", "2", "3")));
      return study;
    }
  },
  UNDELIVERED_WEBHOOK(spec(students(1, false))) {
    @Override
    WorkflowStub launch(TestWorkflowEnvironment environment) {
      WorkflowStub delivery =
          environment
              .getWorkflowClient()
              .newUntypedWorkflowStub(
                  "WebhookDeliveryWorkflow",
                  options(WebhookDeliveryWorkflow.workflowId("1")).build());
      delivery.start(new WebhookDeliveryWorkflow.Input("1"));
      return delivery;
    }
  };

  private final ExperimentSpec spec;

  RecordedRun(ExperimentSpec spec) {
    this.spec = spec;
  }

  String fileName() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-') + ".json.gz";
  }

  /** Scripts the activities. */
  void prepare(SleepingActivities activities, SleepingTurns turns) {}

  /** Does what a user would while it runs. */
  void steer(WorkflowStub workflow, SleepingActivities activities, SleepingTurns turns) {}

  WorkflowStub launch(TestWorkflowEnvironment environment) {
    WorkflowStub experiment =
        environment
            .getWorkflowClient()
            .newUntypedWorkflowStub(
                "DistillationWorkflow",
                options(DistillationWorkflow.workflowId("1"))
                    .setTypedSearchAttributes(FoundBy.of(spec, Optional.empty()))
                    .build());
    experiment.start(new DistillationWorkflow.Input("1", spec));
    return experiment;
  }

  /** Runs it to its end. */
  WorkflowExecutionHistory record() {
    SleepingActivities activities = new SleepingActivities();
    SleepingTurns turns = new SleepingTurns();
    prepare(activities, turns);
    TestEnvironmentOptions.Builder known = TestEnvironmentOptions.newBuilder();
    for (SearchAttributeKey<?> attribute : FoundBy.ALL) {
      known.registerSearchAttribute(attribute.getName(), attribute.getValueType());
    }
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(known.build())) {
      Worker light = environment.newWorker(TaskQueues.LIGHT);
      light.registerWorkflowImplementationTypes(
          DistillationWorkflowImpl.class,
          StudyWorkflowImpl.class,
          WebhookDeliveryWorkflowImpl.class);
      Object[] work = {activities, turns, new SleepingStudies(spec), new RefusingReceiver()};
      light.registerActivitiesImplementations(work);
      TaskQueues.OF_LONGER_WORK.forEach(
          queue -> environment.newWorker(queue).registerActivitiesImplementations(work));
      WorkerOptions heartbeats =
          WorkerOptions.newBuilder()
              .setMaxHeartbeatThrottleInterval(Duration.ofMillis(50))
              .setDefaultHeartbeatThrottleInterval(Duration.ofMillis(50))
              .build();
      environment
          .newWorker(TaskQueues.compute("cpu"), heartbeats)
          .registerActivitiesImplementations(activities);
      environment.start();
      WorkflowStub workflow = launch(environment);
      steer(workflow, activities, turns);
      try {
        workflow.getResult(Void.class);
      } catch (WorkflowFailedException e) {
        if (this != CANCELED && this != UNDELIVERED_WEBHOOK) {
          throw e;
        }
      }
      return environment.getWorkflowClient().fetchHistory(workflow.getExecution().getWorkflowId());
    }
  }

  /** Wants no messages. */
  private static final class RefusingReceiver implements WebhookActivities {
    @Override
    public void deliver(Delivery delivery) {
      throw ErrorType.WEBHOOK_REFUSED.failure("The receiver answered 410.", 1);
    }

    @Override
    public void recordUndelivered(Delivery delivery) {}
  }

  private static WorkflowOptions.Builder options(String workflowId) {
    return WorkflowOptions.newBuilder().setTaskQueue(TaskQueues.LIGHT).setWorkflowId(workflowId);
  }

  private static DistillationWorkflow.Progress progress(WorkflowStub workflow) {
    return workflow.query("progress", DistillationWorkflow.Progress.class);
  }

  private static void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      try {
        Thread.sleep(20);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static StudentsSpec students(int count, boolean oneToOne) {
    return StudentsSpecBuilder.builder().count(count).oneToOneBaseline(oneToOne).build();
  }

  private static StudentsSpec students(
      int count, AssignmentSpec assignment, List<StudentOverride> overrides, StartFrom start) {
    return StudentsSpecBuilder.builder()
        .count(count)
        .assignment(assignment)
        .overrides(overrides)
        .oneToOneBaseline(false)
        .startFrom(start)
        .build();
  }

  private static ExperimentSpec spec(StudentsSpec students) {
    return spec(null, students);
  }

  private static ExperimentSpec spec(TeacherSpec teacher, StudentsSpec students) {
    return ExperimentSpecBuilder.builder()
        .name("recorded")
        .teacher(teacher)
        .students(students)
        .build();
  }
}
