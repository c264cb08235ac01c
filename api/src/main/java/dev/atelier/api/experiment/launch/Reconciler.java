package dev.atelier.api.experiment.launch;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.experiment.Failure;
import dev.atelier.api.experiment.LockedExperiment;
import dev.atelier.api.experiment.StoredExperiment;
import dev.atelier.api.store.Turns;
import dev.atelier.api.temporal.DistillationRuns;
import dev.atelier.api.temporal.TemporalUnavailableException;
import dev.atelier.workflows.Stage;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.Optional;
import org.jboss.logging.Logger;

/**
 * Brings experiments that have not ended and their workflows together again: starts those that
 * Temporal does not know, since they were launched while it was away or an in-memory server forgot
 * them, and ends the experiments whose workflow was terminated.
 */
@ApplicationScoped
class Reconciler {

  private static final Logger LOG = Logger.getLogger(Reconciler.class);
  private static final String TURN = "reconcile-experiments";

  private final ExperimentRepository experiments;
  private final DistillationRuns runs;
  private final Turns turns;
  private final Duration every; // a younger experiment is its launch's, with its trace
  private boolean temporalWasAway;

  Reconciler(
      ExperimentRepository experiments, DistillationRuns runs, Turns turns, AtelierConfig config) {
    this.runs = runs;
    this.experiments = experiments;
    this.turns = turns;
    this.every = config.reconcileEvery();
  }

  @Scheduled(
      every = "{atelier.reconcile-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void reconcile() {
    try {
      if (!turns.take(TURN, every)) {
        return;
      }
      for (String id : runs.doubtful(experiments.unfinished(every))) {
        reconcile(id);
      }
      temporalWasAway = false;
    } catch (TemporalUnavailableException e) {
      if (!temporalWasAway) {
        LOG.warnf("%s Experiments without a workflow wait.", e.getMessage());
      }
      temporalWasAway = true;
      turns.giveBack(TURN); // another api may reach it
    } catch (RuntimeException e) {
      LOG.errorf(e, "Unfinished experiments could not be compared with Temporal.");
    }
  }

  /** Brings one of them and its workflow together again. */
  void reconcile(String id) {
    switch (runs.state(id)) {
      case OPEN -> {}
      case ABSENT -> {
        if (!experiments.hasStudy(id)
            && experiments.withLocked(id, this::startUnlessEnded).orElse(false)) {
          LOG.infof("Started the missing workflow of experiment %s.", id);
        }
      }
      case CLOSED -> experiments.withLocked(id, Reconciler::endUnlessEnded);
    }
  }

  private boolean startUnlessEnded(LockedExperiment experiment) {
    StoredExperiment row = experiment.row();
    if (row.stage().terminal()) {
      return false;
    }
    runs.start(row.id(), row.spec());
    return true;
  }

  /** A workflow that was terminated from outside had no chance to say so. */
  private static boolean endUnlessEnded(LockedExperiment experiment) {
    if (experiment.row().stage().terminal()) {
      return false;
    }
    LOG.warnf("The workflow of experiment %s ended without a result.", experiment.row().id());
    experiment.end(
        Stage.FAILED,
        Optional.of(
            new Failure("INTERNAL", "The workflow ended without a result; it was terminated.")));
    return true;
  }
}
