package dev.atelier.api.webhook;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.access.Audit;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.WebhookEvent;
import dev.atelier.api.spec.WebhookRequest;
import dev.atelier.api.store.Columns;
import dev.atelier.workflows.WebhookForm;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jdbi.v3.core.Jdbi;

/** Webhooks and their deliveries, in Postgres. */
@ApplicationScoped
class WebhookRepository {

  private static final String COLUMNS =
      "id, project, form, url, recipients, events, experiment_id, labels, created_at";

  private final Jdbi jdbi;
  private final Audit audit;

  WebhookRepository(Jdbi jdbi, Audit audit) {
    this.jdbi = jdbi;
    this.audit = audit;
  }

  /** A delivery that has no workflow yet. */
  record Undispatched(String id, String type) {}

  void insert(NewWebhook webhook) {
    WebhookRequest request = webhook.request();
    List<String> events = request.events().stream().map(WebhookEvent::type).distinct().toList();
    jdbi.useTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  insert into webhook
                    (id, project, form, url, secret, recipients, events, experiment_id, labels)
                  values (:id, :project, :form, :url, :secret, :recipients, :events, :experiment,
                    cast(:labels as jsonb))
                  """)
              .bind("id", webhook.id())
              .bind("project", webhook.project())
              .bind("form", request.form())
              .bind("url", webhook.url())
              .bind("secret", webhook.secret())
              .bindArray(
                  "recipients", String.class, request.recipients().stream().distinct().toList())
              .bindArray("events", String.class, events)
              .bind("experiment", request.experiment())
              .bind("labels", SpecJson.write(request.labels()))
              .execute();
          audit.done(
              handle,
              Audit.Kind.WEBHOOK,
              webhook.id(),
              "%s, %s".formatted(request.form(), String.join(", ", events)));
        });
  }

  /**
   * @param project that it must be of; empty: any
   */
  boolean hasExperiment(String id, Optional<String> project) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select 1 from experiment
                    where id = :id and (cast(:project as text) is null or project = :project)
                    """)
                .bind("id", id)
                .bind("project", project)
                .mapTo(Integer.class)
                .findOne()
                .isPresent());
  }

  Optional<WebhookView> find(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery("select " + COLUMNS + " from webhook where id = :id")
                .bind("id", id)
                .map((row, context) -> webhook(row))
                .findOne());
  }

  /**
   * Up to {@code limit} webhooks before the one named, newest first.
   *
   * @param projects whose; empty: all, also those that are of every project
   */
  List<WebhookView> list(Optional<Set<String>> projects, Optional<String> before, int limit) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    with visible as (
                      select * from webhook where :all or project = any(:projects))
                    select %s from visible
                    where cast(:before as text) is null or (created_at, id) <
                      (select created_at, id from visible where id = :before)
                    order by created_at desc, id desc limit :limit
                    """
                        .formatted(COLUMNS))
                .bind("all", projects.isEmpty())
                .bindArray("projects", String.class, projects.orElse(Set.of()))
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
    WebhookForm form = WebhookForm.valueOf(row.getString("form"));
    return new WebhookView(
        row.getString("id"),
        Optional.ofNullable(row.getString("project")),
        form,
        Optional.of(row.getString("url")).filter(url -> form != WebhookForm.EMAIL),
        List.of((String[]) row.getArray("recipients").getArray()),
        Arrays.stream((String[]) row.getArray("events").getArray()).map(WebhookEvent::of).toList(),
        Optional.ofNullable(row.getString("experiment_id")),
        labels,
        Columns.instant(row, "created_at").orElseThrow(),
        Optional.empty());
  }

  /** Deletes a webhook with its deliveries; false: there is none. */
  boolean delete(String id) {
    return jdbi.inTransaction(
        handle -> {
          boolean known =
              handle
                  .createQuery("select 1 from webhook where id = :id for update")
                  .bind("id", id)
                  .mapTo(Integer.class)
                  .findOne()
                  .isPresent();
          if (known) {
            audit.done(
                handle, Audit.Kind.WEBHOOK, id, ""); // before the row goes: it has the project
            handle.execute("delete from webhook where id = ?", id);
          }
          return known;
        });
  }

  void insertTest(String id, String webhookId, Optional<String> recipient, String payload) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into webhook_delivery (id, webhook_id, type, recipient, payload)
                values (?, ?, 'webhook.test', ?, ?)
                """,
                id,
                webhookId,
                recipient.orElse(null),
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
                    select id, event_id, type, recipient, state, attempts, status, error,
                      created_at, attempted_at, finished_at
                    from webhook_delivery
                    where webhook_id = :webhook and (cast(:before as text) is null or (created_at, id) <
                      (select created_at, id from webhook_delivery
                        where id = :before and webhook_id = :webhook))
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
                    select id, event_id, type, recipient, state, attempts, status, error,
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
    return DeliveryViewBuilder.builder()
        .id(id)
        .type(row.getString("type"))
        .event(Optional.ofNullable(row.getObject("event_id", Long.class)))
        .recipient(Optional.ofNullable(row.getString("recipient")))
        .state(DeliveryView.State.valueOf(row.getString("state")))
        .attempts(row.getInt("attempts"))
        .status(Optional.ofNullable(row.getObject("status", Integer.class)))
        .error(Optional.ofNullable(row.getString("error")))
        .createdAt(Columns.instant(row, "created_at").orElseThrow())
        .attemptedAt(Columns.instant(row, "attempted_at"))
        .finishedAt(Columns.instant(row, "finished_at"))
        .temporal(temporal.apply(id))
        .build();
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
                    "delete from webhook_delivery where finished_at < now() - cast(:age as"
                        + " interval)")
                .bind("age", age.toSeconds() + " s")
                .execute());
  }
}
