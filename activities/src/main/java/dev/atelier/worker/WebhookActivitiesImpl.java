package dev.atelier.worker;

import dev.atelier.store.WebhookHistory;
import dev.atelier.store.WebhookHistory.Attempt;
import dev.atelier.webhook.DeliverySchedule;
import dev.atelier.webhook.Outcome;
import dev.atelier.webhook.ReceiverBudget;
import dev.atelier.webhook.WebhookSender;
import dev.atelier.workflows.ErrorType;
import dev.atelier.workflows.WebhookActivities;
import io.temporal.activity.Activity;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sends messages to receivers; neither secrets, URLs nor addresses of people leave it. */
final class WebhookActivitiesImpl implements WebhookActivities {

  private static final Logger LOG = LoggerFactory.getLogger(WebhookActivitiesImpl.class);

  private final WebhookHistory history;
  private final WebhookSender sender;
  private final ReceiverBudget budget;

  WebhookActivitiesImpl(WebhookHistory history, WebhookSender sender, ReceiverBudget budget) {
    this.history = history;
    this.sender = sender;
    this.budget = budget;
  }

  @Override
  public void deliver(Delivery delivery) {
    Failures.translating(() -> send(delivery.deliveryId()));
  }

  private void send(String id) {
    Optional<String> receiver = history.receiver(id);
    if (receiver.isPresent()
        && !budget.spend(
            receiver.get(), () -> history.begin(id).ifPresent(attempt -> send(id, attempt)))) {
      throw ErrorType.RECEIVER_BUSY.retriedAfter(
          DeliverySchedule.untilTurn(Activity.getExecutionContext().getInfo().getAttempt()),
          "The receiver has as many requests as it may have at once.");
    }
  }

  private void send(String id, Attempt attempt) {
    Outcome outcome = sender.send(attempt.message());
    if (outcome instanceof Outcome.Delivered delivered) {
      history.recordDelivered(id, delivered.status());
    } else if (outcome instanceof Outcome.Failed failed) {
      history.recordAttempt(id, failed.status(), failed.reason());
      throw failure(ErrorType.WEBHOOK_UNDELIVERED, id, attempt.number(), failed.reason())
          .setNextRetryDelay(DeliverySchedule.afterFailure(attempt.number()))
          .build();
    } else if (outcome instanceof Outcome.Refused refused) {
      history.recordAttempt(id, refused.status(), refused.reason());
      throw failure(ErrorType.WEBHOOK_REFUSED, id, attempt.number(), refused.reason())
          .setNonRetryable(true)
          .build();
    }
  }

  /** Benign: a receiver that is away is no fault of the worker, whose log has one line of it. */
  private static ApplicationFailure.Builder failure(
      ErrorType type, String id, int attempt, String reason) {
    LOG.info("Attempt {} of delivery {}: {}", attempt, id, reason);
    return ApplicationFailure.newBuilder()
        .setMessage(reason)
        .setType(type.name())
        .setCategory(ApplicationErrorCategory.BENIGN);
  }

  @Override
  public void recordUndelivered(Delivery delivery) {
    Failures.translating(() -> history.recordFailed(delivery.deliveryId()));
  }
}
