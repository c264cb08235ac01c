package dev.atelier.worker;

import dev.atelier.store.WebhookHistory;
import dev.atelier.webhook.WebhookMessage;
import dev.atelier.webhook.WebhookSender;
import dev.atelier.webhook.WebhookSender.Outcome;
import dev.atelier.workflows.ErrorType;
import dev.atelier.workflows.WebhookActivities;
import io.temporal.activity.Activity;
import io.temporal.failure.ApplicationFailure;
import java.util.Optional;

/** Sends messages to receivers; neither secrets nor URLs leave it. */
final class WebhookActivitiesImpl implements WebhookActivities {

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
      throw failure(ErrorType.WEBHOOK_UNDELIVERED, failed.reason());
    } else if (outcome instanceof Outcome.Refused refused) {
      history.recordAttempt(id, refused.status(), refused.reason());
      throw failure(ErrorType.WEBHOOK_REFUSED, refused.reason());
    }
  }

  private static ApplicationFailure failure(ErrorType type, String reason) {
    return type.failure(reason, Activity.getExecutionContext().getInfo().getAttempt(), null);
  }

  @Override
  public void recordUndelivered(Delivery delivery) {
    Failures.translating(() -> history.recordFailed(delivery.deliveryId()));
  }
}
