package dev.atelier.workflows;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;

/** Sends messages to the receivers of webhooks and keeps their rows. */
@ActivityInterface
public interface WebhookActivities {

  /** A delivery by its id. */
  record Delivery(String deliveryId) {}

  /**
   * Sends the message once, unless its receiver has as many as it may have at once: then it fails
   * with {@link ErrorType#RECEIVER_BUSY}. Fails with {@link ErrorType#WEBHOOK_UNDELIVERED} if it
   * may succeed later, with {@link ErrorType#WEBHOOK_REFUSED} if not. Does nothing if the webhook
   * was deleted.
   */
  @ActivityMethod(name = "DeliverWebhook")
  void deliver(Delivery delivery);

  /** Marks a delivery as failed for good. */
  @ActivityMethod(name = "RecordUndelivered")
  void recordUndelivered(Delivery delivery);
}
