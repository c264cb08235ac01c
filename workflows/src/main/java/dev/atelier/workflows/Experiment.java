package dev.atelier.workflows;

import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.SchedulingSpec;
import io.temporal.common.Priority;
import io.temporal.workflow.Workflow;

/** An experiment as its workflow knows it: what is wanted, and who computes it. */
final class Experiment {

  private final String id;
  private final Priority priority;
  private final Turns turns;
  private ExperimentSpec spec; // its forward process may come with an imported teacher

  Experiment(String id, ExperimentSpec spec) {
    this.id = id;
    this.spec = spec;
    priority = priority(spec.scheduling());
    turns = new Turns(id);
  }

  String id() {
    return id;
  }

  ExperimentSpec spec() {
    return spec;
  }

  /** Diffuses from now on as an imported teacher does. */
  void follow(DiffusionSpec theirs) {
    spec = spec.with(theirs);
  }

  /** When its compute work may be scheduled: before it is, each piece takes its turn. */
  Turns turns() {
    return turns;
  }

  AssignmentActivities assignment(String summary) {
    return compute(AssignmentActivities.class, summary);
  }

  EncodingActivities encoding(String summary) {
    return compute(EncodingActivities.class, summary);
  }

  TrainingActivities training(String summary) {
    return compute(TrainingActivities.class, summary);
  }

  EvaluationActivities evaluation(String summary) {
    return compute(EvaluationActivities.class, summary);
  }

  MergingActivities merging(String summary) {
    return compute(MergingActivities.class, summary);
  }

  private <T> T compute(Class<T> activities, String summary) {
    return Workflow.newActivityStub(
        activities, Activities.compute(spec.compute(), summary, priority));
  }

  /** The experiments of a study share its turns unless the spec names another key. */
  private static Priority priority(SchedulingSpec scheduling) {
    Priority.Builder priority =
        Priority.newBuilder()
            .setPriorityKey(scheduling.priority())
            .setFairnessWeight(scheduling.fairnessWeight().floatValue());
    scheduling
        .fairnessKey()
        .or(() -> Workflow.getInfo().getParentWorkflowId())
        .ifPresent(priority::setFairnessKey);
    return priority.build();
  }
}
