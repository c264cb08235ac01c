package dev.atelier.api.study;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.store.Turns;
import dev.atelier.api.temporal.TemporalUnavailableException;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.jboss.logging.Logger;

/** Starts the workflows of unfinished studies that Temporal does not know. */
@ApplicationScoped
class StudyReconciler {

  private static final Logger LOG = Logger.getLogger(StudyReconciler.class);
  private static final String TURN = "reconcile-studies";

  private final StudyService studies;
  private final Turns turns;
  private final Duration every; // a younger study is its launch's, with its trace

  StudyReconciler(StudyService studies, Turns turns, AtelierConfig config) {
    this.studies = studies;
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
      for (String id : studies.doubtful(every)) {
        studies.reconcile(id);
      }
    } catch (TemporalUnavailableException e) {
      LOG.debugf("%s Studies without a workflow wait.", e.getMessage());
      turns.giveBack(TURN); // another api may reach it
    } catch (RuntimeException e) {
      LOG.errorf(e, "Unfinished studies could not be compared with Temporal.");
    }
  }
}
