package dev.atelier.api.study;

import dev.atelier.api.temporal.TemporalUnavailableException;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import org.jboss.logging.Logger;

/** Starts the workflows of unfinished studies that Temporal does not know. */
@ApplicationScoped
class StudyReconciler {

  private static final Logger LOG = Logger.getLogger(StudyReconciler.class);

  private final StudyService studies;

  StudyReconciler(StudyService studies) {
    this.studies = studies;
  }

  @Scheduled(
      every = "{atelier.reconcile-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void reconcile() {
    try {
      for (String id : studies.unfinished()) {
        studies.reconcile(id);
      }
    } catch (TemporalUnavailableException e) {
      LOG.debugf("%s Studies without a workflow wait.", e.getMessage());
    } catch (RuntimeException e) {
      LOG.errorf(e, "Unfinished studies could not be compared with Temporal.");
    }
  }
}
