package dev.atelier.store;

import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.webhook.WebhookMessage;
import dev.atelier.workflows.WebhookForm;
import java.util.Optional;
import javax.sql.DataSource;

/** The deliveries of webhooks in Postgres; throws {@link StoreUnavailableException}. */
public final class WebhookHistory {

  private final Database database;

  public WebhookHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /**
   * An attempt that begins.
   *
   * @param number from 1
   */
  public record Attempt(WebhookMessage message, int number) {}

  /**
   * The receiver's URL as it is shown, {@code mailto:} for mails; empty: the delivery has ended, or
   * its webhook was deleted.
   */
  public Optional<String> receiver(String deliveryId) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select w.url from webhook_delivery d join webhook w on w.id = d.webhook_id
                    where d.id = :id and d.state = 'PENDING'
                    """)
                .bind("id", deliveryId)
                .mapTo(String.class)
                .findOne());
  }

  /** Counts an attempt; empty: the delivery has ended, or its webhook was deleted. */
  public Optional<Attempt> begin(String deliveryId) {
    return database.inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    update webhook_delivery d
                    set attempts = attempts + 1, attempted_at = now()
                    from webhook w
                    where w.id = d.webhook_id and d.id = :id and d.state = 'PENDING'
                    returning d.id, w.form, w.url, w.secret, d.recipient, d.payload, d.attempts
                    """)
                .bind("id", deliveryId)
                .map(
                    (row, context) ->
                        new Attempt(
                            new WebhookMessage(
                                row.getString("id"),
                                WebhookForm.valueOf(row.getString("form")),
                                row.getString("url"),
                                row.getString("secret"),
                                Optional.ofNullable(row.getString("recipient")),
                                row.getString("payload")),
                            row.getInt("attempts")))
                .findOne());
  }

  /** The receiver took the message. */
  public void recordDelivered(String deliveryId, int status) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    update webhook_delivery
                    set state = 'DELIVERED', status = :status, error = null, finished_at = now()
                    where id = :id and state = 'PENDING'
                    """)
                .bind("id", deliveryId)
                .bind("status", status)
                .execute());
  }

  /** An attempt failed; the delivery stays as it is. */
  public void recordAttempt(String deliveryId, Optional<Integer> status, String error) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    update webhook_delivery set status = :status, error = :error
                    where id = :id and state = 'PENDING'
                    """)
                .bind("id", deliveryId)
                .bind("status", status)
                .bind("error", error)
                .execute());
  }

  /** The delivery has failed for good. */
  public void recordFailed(String deliveryId) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    update webhook_delivery
                    set state = 'FAILED', error = coalesce(error, 'It was never sent.'),
                      finished_at = now()
                    where id = :id and state = 'PENDING'
                    """)
                .bind("id", deliveryId)
                .execute());
  }
}
