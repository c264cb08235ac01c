package dev.atelier.api.experiment.request;

import dev.atelier.api.access.Audit;
import dev.atelier.api.experiment.Accepted;
import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.experiment.LockedExperiment;
import dev.atelier.api.experiment.StoredExperiment;
import dev.atelier.api.maintenance.Deletions;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.temporal.DistillationRuns;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.EventKind;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Optional;

/** Stops experiments and deletes them. */
@ApplicationScoped
class EndingService {

  private final ExperimentRepository experiments;
  private final DistillationRuns runs;
  private final Deletions deletions;
  private final Audit audit;

  EndingService(
      ExperimentRepository experiments, DistillationRuns runs, Deletions deletions, Audit audit) {
    this.experiments = experiments;
    this.runs = runs;
    this.deletions = deletions;
    this.audit = audit;
  }

  /** Stops an experiment; one that was canceled before is left as it is. */
  Accepted cancel(String id) {
    experiments.existing(id);
    experiments.withLocked(id, this::cancelUnlessEnded);
    return new Accepted(id, Links.of(id, runs.page(id)), List.of());
  }

  private boolean cancelUnlessEnded(LockedExperiment experiment) {
    StoredExperiment row = experiment.row();
    if (row.stage() == Stage.CANCELED) {
      return false;
    }
    if (row.stage().terminal()) {
      throw new ProblemException(
          ProblemType.EXPERIMENT_ENDED,
          "Cannot cancel experiment %s: it is %s.".formatted(row.id(), row.stage()));
    }
    experiment.audit(audit);
    experiment.event(EventKind.CANCEL, "");
    if (!runs.cancel(row.id())) {
      experiment.end(Stage.CANCELED, Optional.empty());
    }
    return true;
  }

  /** Deletes an ended experiment; its objects go at once, or later if the store is away. */
  void delete(String id) {
    experiments.existing(id);
    if (experiments.withLocked(id, this::deleteIfEnded).isPresent()) {
      deletions.removeObjects();
    }
  }

  private boolean deleteIfEnded(LockedExperiment experiment) {
    StoredExperiment row = experiment.row();
    if (!row.stage().terminal()) {
      throw new ProblemException(
          ProblemType.EXPERIMENT_RUNNING,
          "Cannot delete experiment %s: it is %s; cancel it first."
              .formatted(row.id(), row.stage()));
    }
    if (experiments.hasStudy(row.id())) {
      throw new ProblemException(
          ProblemType.STUDY_RUNNING,
          "Cannot delete experiment %s: its study has not ended.".formatted(row.id()));
    }
    experiment.audit(audit);
    experiment.delete();
    return true;
  }
}
