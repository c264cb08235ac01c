package dev.atelier.api.temporal;

import dev.atelier.spec.StudySpec;
import dev.atelier.workflows.FoundBy;
import dev.atelier.workflows.StudyWorkflow;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.util.List;
import java.util.Optional;

/** The workflows of studies in Temporal; throws {@link TemporalUnavailableException}. */
@ApplicationScoped
public class StudyRuns {

  private final WorkflowRuns runs;

  StudyRuns(WorkflowRuns runs) {
    this.runs = runs;
  }

  /** Starts a study's workflow; does nothing if it was ever started. */
  public void start(String studyId, StudySpec spec, List<String> experimentIds) {
    runs.start(
        new WorkflowRuns.Start(
            StudyWorkflow.class.getSimpleName(),
            StudyWorkflow.workflowId(studyId),
            spec.name(),
            "%d experiments. %s".formatted(experimentIds.size(), spec.question()),
            FoundBy.of(studyId, spec),
            new StudyWorkflow.Input(
                studyId, spec.atOnce(), spec.awaitRetryHours(), experimentIds)));
  }

  public RunState state(String studyId) {
    return runs.state(StudyWorkflow.workflowId(studyId));
  }

  /** Those of the studies whose workflows may be absent or closed: ask for their state. */
  public List<String> doubtful(List<String> studyIds) {
    return runs.notListedOpen(
        StudyWorkflow.class.getSimpleName(), studyIds, StudyWorkflow::workflowId);
  }

  /** Asks the study to cancel its experiments and stop; false: there is no open workflow. */
  public boolean cancel(String studyId) {
    return runs.cancel(StudyWorkflow.workflowId(studyId));
  }

  /** Page of the study's workflow in the Temporal Web UI, if there is one. */
  public Optional<URI> page(String studyId) {
    return runs.page(StudyWorkflow.workflowId(studyId));
  }
}
