package dev.atelier.api.webhook;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.temporal.TemporalUnavailableException;
import dev.atelier.api.temporal.WebhookRuns;
import dev.atelier.api.webhook.WebhookRepository.Undispatched;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import org.jboss.logging.Logger;

/**
 * Starts a workflow for each delivery. The rows come with their events, in one transaction; a
 * workflow is started once, because a second one of the same id is refused.
 */
@ApplicationScoped
class WebhookDispatcher {

  private static final Logger LOG = Logger.getLogger(WebhookDispatcher.class);
  private static final int AT_ONCE = 500;

  private final WebhookRepository repository;
  private final WebhookRuns runs;
  private final AtelierConfig.Webhooks config;
  private boolean resumed;
  private boolean temporalWasAway;

  WebhookDispatcher(WebhookRepository repository, WebhookRuns runs, AtelierConfig config) {
    this.repository = repository;
    this.runs = runs;
    this.config = config.webhooks();
  }

  @Scheduled(
      every = "{atelier.webhooks.dispatch-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void dispatch() {
    try {
      // After a start also those whose workflows an in-memory server may have forgotten.
      List<Undispatched> waiting =
          resumed ? repository.undispatched(AT_ONCE) : repository.pending();
      for (Undispatched delivery : waiting) {
        runs.start(delivery.id(), delivery.type());
        repository.recordDispatched(delivery.id());
      }
      resumed = true;
      temporalWasAway = false;
    } catch (TemporalUnavailableException e) {
      if (!temporalWasAway) {
        LOG.warnf("%s Messages of webhooks wait.", e.getMessage());
      }
      temporalWasAway = true;
    } catch (RuntimeException e) {
      LOG.errorf(e, "Messages of webhooks could not be handed to their workflows.");
    }
  }

  @Scheduled(every = "1h", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void forget() {
    repository.forget(config.keep());
  }
}
