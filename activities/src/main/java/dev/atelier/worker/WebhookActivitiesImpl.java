package dev.atelier.worker;

import dev.atelier.store.WebhookHistory;
import dev.atelier.webhook.WebhookMessage;
import dev.atelier.webhook.WebhookSender;
import dev.atelier.webhook.WebhookSender.Outcome;
import dev.atelier.workflows.ErrorType;
import dev.atelier.workflows.WebhookActivities;
import io.temporal.activity.Activity;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sends messages to receivers; neither secrets nor URLs leave it. */
final class WebhookActivitiesImpl implements WebhookActivities {

  private static final Logger LOG = LoggerFactory.getLogger(WebhookActivitiesImpl.class);

  private final WebhookHistory history;
  private final WebhookSender sender;

  WebhookActivitiesImpl(WebhookHistory history, WebhookSender sender) {
    this.history = history;
    this.sender = sender;
  }

  @Override
  public void deliver(Delivery delivery) {
    Failures.translating(() -> send(delivery.deliveryId()));
  }

  private void send(String id) {
    Optional<WebhookMessage> message = history.begin(id);
    if (message.isEmpty()) {
      return;
    }
    Outcome outcome = sender.send(message.get());
    if (outcome instanceof Outcome.Delivered delivered) {
      history.recordDelivered(id, delivered.status());
    } else if (outcome instanceof Outcome.Failed failed) {
      history.recordAttempt(id, failed.status(), failed.reason());
      throw failure(ErrorType.WEBHOOK_UNDELIVERED, false, id, failed.reason());
    } else if (outcome instanceof Outcome.Refused refused) {
      history.recordAttempt(id, refused.status(), refused.reason());
      throw failure(ErrorType.WEBHOOK_REFUSED, true, id, refused.reason());
    }
  }

  /** Benign: a receiver that is away is no fault of the worker, whose log has one line of it. */
  private static ApplicationFailure failure(
      ErrorType type, boolean last, String id, String reason) {
    LOG.info(
        "Attempt {} of delivery {}: {}",
        Activity.getExecutionContext().getInfo().getAttempt(),
        id,
        reason);
    return ApplicationFailure.newBuilder()
        .setMessage(reason)
        .setType(type.name())
        .setNonRetryable(last)
        .setCategory(ApplicationErrorCategory.BENIGN)
        .build();
  }

  @Override
  public void recordUndelivered(Delivery delivery) {
    Failures.translating(() -> history.recordFailed(delivery.deliveryId()));
  }
}
