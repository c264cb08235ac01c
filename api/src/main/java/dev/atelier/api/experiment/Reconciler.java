package dev.atelier.api.experiment;

import dev.atelier.api.temporal.TemporalUnavailableException;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import org.jboss.logging.Logger;

/**
 * Starts the workflows of unfinished experiments that Temporal does not know: those launched while
 * it was away, and those that an in-memory server forgot.
 */
@ApplicationScoped
class Reconciler {

  private static final Logger LOG = Logger.getLogger(Reconciler.class);

  private final ExperimentService experiments;
  private boolean temporalWasAway;

  Reconciler(ExperimentService experiments) {
    this.experiments = experiments;
  }

  @Scheduled(
      every = "{atelier.reconcile-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void reconcile() {
    try {
      for (String id : experiments.unfinished()) {
        experiments.reconcile(id);
      }
      temporalWasAway = false;
    } catch (TemporalUnavailableException e) {
      if (!temporalWasAway) {
        LOG.warnf("%s Experiments without a workflow wait.", e.getMessage());
      }
      temporalWasAway = true;
    } catch (RuntimeException e) {
      LOG.errorf(e, "Unfinished experiments could not be compared with Temporal.");
    }
  }
}
