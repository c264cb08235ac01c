package dev.atelier.api.experiment;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.temporal.TemporalUnavailableException;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.jboss.logging.Logger;

/**
 * Starts the workflows of unfinished experiments that Temporal does not know: those launched while
 * it was away, and those that an in-memory server forgot.
 */
@ApplicationScoped
class Reconciler {

  private static final Logger LOG = Logger.getLogger(Reconciler.class);

  private final ExperimentService experiments;
  private final Duration launchTime; // a younger experiment is its launch's, with its trace
  private boolean temporalWasAway;

  Reconciler(ExperimentService experiments, AtelierConfig config) {
    this.experiments = experiments;
    this.launchTime = config.reconcileEvery();
  }

  @Scheduled(
      every = "{atelier.reconcile-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void reconcile() {
    try {
      for (String id : experiments.unfinished(launchTime)) {
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
