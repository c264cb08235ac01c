package dev.atelier.api.webhook;

import dev.atelier.api.spec.WebhookEvent;
import dev.atelier.workflows.WebhookForm;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Who is told of what. */
public record WebhookView(
    String id,
    @Schema(
            description = "Whose experiments it tells of; absent: those of every project",
            implementation = String.class)
        Optional<String> project,
    WebhookForm form,
    @Schema(
            description = "Where messages are posted to; of slack, whose URL is secret, the server",
            implementation = String.class)
        Optional<String> url,
    @Schema(description = "Who gets mails") List<String> recipients,
    List<WebhookEvent> events,
    @Schema(description = "The only experiment it tells of", implementation = String.class)
        Optional<String> experiment,
    @Schema(description = "Labels that an experiment must have", implementation = Object.class)
        Map<String, String> labels,
    Instant createdAt,
    @Schema(
            description = "Key of the signatures; only in the answer that makes the webhook",
            implementation = String.class)
        Optional<String> secret) {

  WebhookView withSecret(Optional<String> shown) {
    return new WebhookView(
        id, project, form, url, recipients, events, experiment, labels, createdAt, shown);
  }
}
