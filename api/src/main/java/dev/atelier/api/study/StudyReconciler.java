package dev.atelier.api.study;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.temporal.TemporalUnavailableException;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.jboss.logging.Logger;

/** Starts the workflows of unfinished studies that Temporal does not know. */
@ApplicationScoped
class StudyReconciler {

  private static final Logger LOG = Logger.getLogger(StudyReconciler.class);

  private final StudyService studies;
  private final Duration launchTime; // a younger study is its launch's, with its trace

  StudyReconciler(StudyService studies, AtelierConfig config) {
    this.studies = studies;
    this.launchTime = config.reconcileEvery();
  }

  @Scheduled(
      every = "{atelier.reconcile-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void reconcile() {
    try {
      for (String id : studies.unfinished(launchTime)) {
        studies.reconcile(id);
      }
    } catch (TemporalUnavailableException e) {
      LOG.debugf("%s Studies without a workflow wait.", e.getMessage());
    } catch (RuntimeException e) {
      LOG.errorf(e, "Unfinished studies could not be compared with Temporal.");
    }
  }
}
