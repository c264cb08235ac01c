package dev.atelier.api.webhook;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.WebhookEvent;
import dev.atelier.api.store.Columns;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.jdbi.v3.core.Jdbi;

/** Webhooks and their deliveries, in Postgres. */
@ApplicationScoped
class WebhookRepository {

  private final Jdbi jdbi;

  WebhookRepository(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  /** A delivery that has no workflow yet. */
  record Undispatched(String id, String type) {}

  void insert(
      String id,
      String url,
      String secret,
      List<WebhookEvent> events,
      Optional<String> experiment,
      Map<String, String> labels) {
    jdbi.useHandle(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into webhook (id, url, secret, events, experiment_id, labels)
                    values (:id, :url, :secret, :events, :experiment, cast(:labels as jsonb))
                    """)
                .bind("id", id)
                .bind("url", url)
                .bind("secret", secret)
                .bindArray("events", String.class, events.stream().map(WebhookEvent::type).toList())
                .bind("experiment", experiment)
                .bind("labels", SpecJson.write(labels))
                .execute());
  }

  boolean hasExperiment(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery("select 1 from experiment where id = :id")
                .bind("id", id)
                .mapTo(Integer.class)
                .findOne()
                .isPresent());
  }

  Optional<WebhookView> find(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id, url, events, experiment_id, labels, created_at
                    from webhook where id = :id
                    """)
                .bind("id", id)
                .map((row, context) -> webhook(row))
                .findOne());
  }

  List<WebhookView> list(Optional<String> before, int limit) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id, url, events, experiment_id, labels, created_at from webhook
                    where cast(:before as text) is null or (created_at, id) <
                      (select created_at, id from webhook where id = :before)
                    order by created_at desc, id desc limit :limit
                    """)
                .bind("before", before)
                .bind("limit", limit)
                .map((row, context) -> webhook(row))
                .list());
  }

  private static WebhookView webhook(ResultSet row) throws SQLException {
    Map<String, String> labels = new TreeMap<>();
    SpecJson.read(row.getString("labels"), JsonNode.class)
        .properties()
        .forEach(label -> labels.put(label.getKey(), label.getValue().asText()));
    return new WebhookView(
        row.getString("id"),
        row.getString("url"),
        Arrays.stream((String[]) row.getArray("events").getArray()).map(WebhookEvent::of).toList(),
        Optional.ofNullable(row.getString("experiment_id")),
        labels,
        Columns.instant(row, "created_at").orElseThrow(),
        Optional.empty());
  }

  /** Deletes a webhook with its deliveries; false: there is none. */
  boolean delete(String id) {
    return jdbi.withHandle(handle -> handle.execute("delete from webhook where id = ?", id)) > 0;
  }

  void insertTest(String id, String webhookId, String payload) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into webhook_delivery (id, webhook_id, type, payload)
                values (?, ?, 'webhook.test', ?)
                """,
                id,
                webhookId,
                payload));
  }

  /** Up to {@code limit} deliveries before the one named, newest first. */
  List<DeliveryView> deliveries(
      String webhookId,
      Optional<String> before,
      int limit,
      Function<String, Optional<URI>> temporal) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id, event_id, type, state, attempts, status, error,
                      created_at, attempted_at, finished_at
                    from webhook_delivery
                    where webhook_id = :webhook and (cast(:before as text) is null or (created_at, id) <
                      (select created_at, id from webhook_delivery where id = :before))
                    order by created_at desc, id desc limit :limit
                    """)
                .bind("webhook", webhookId)
                .bind("before", before)
                .bind("limit", limit)
                .map((row, context) -> delivery(row, temporal))
                .list());
  }

  Optional<DeliveryView> delivery(String id, Function<String, Optional<URI>> temporal) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id, event_id, type, state, attempts, status, error,
                      created_at, attempted_at, finished_at
                    from webhook_delivery where id = :id
                    """)
                .bind("id", id)
                .map((row, context) -> delivery(row, temporal))
                .findOne());
  }

  private static DeliveryView delivery(ResultSet row, Function<String, Optional<URI>> temporal)
      throws SQLException {
    String id = row.getString("id");
    return new DeliveryView(
        id,
        row.getString("type"),
        Optional.ofNullable(row.getObject("event_id", Long.class)),
        DeliveryView.State.valueOf(row.getString("state")),
        row.getInt("attempts"),
        Optional.ofNullable(row.getObject("status", Integer.class)),
        Optional.ofNullable(row.getString("error")),
        Columns.instant(row, "created_at").orElseThrow(),
        Columns.instant(row, "attempted_at"),
        Columns.instant(row, "finished_at"),
        temporal.apply(id));
  }

  /** The oldest deliveries without a workflow. */
  List<Undispatched> undispatched(int limit) {
    return pending("dispatched_at is null order by created_at limit " + limit);
  }

  /** Every delivery that has not ended, oldest first. */
  List<Undispatched> pending() {
    return pending("true order by created_at");
  }

  private List<Undispatched> pending(String condition) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    "select id, type from webhook_delivery where state = 'PENDING' and "
                        + condition)
                .map((row, context) -> new Undispatched(row.getString(1), row.getString(2)))
                .list());
  }

  void recordDispatched(String id) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                update webhook_delivery set dispatched_at = now()
                where id = ? and dispatched_at is null
                """,
                id));
  }

  /** Forgets deliveries that ended so long ago. */
  void forget(Duration age) {
    jdbi.useHandle(
        handle ->
            handle
                .createUpdate(
                    "delete from webhook_delivery where finished_at < now() - cast(:age as interval)")
                .bind("age", age.toSeconds() + " s")
                .execute());
  }
}
