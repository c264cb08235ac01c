package dev.atelier.api.webhook;

import dev.atelier.api.spec.WebhookEvent;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Who is told of what. */
public record WebhookView(
    String id,
    String url,
    List<WebhookEvent> events,
    @Schema(description = "The only experiment it tells of", implementation = String.class)
        Optional<String> experiment,
    @Schema(description = "Labels that an experiment must have", implementation = Object.class)
        Map<String, String> labels,
    Instant createdAt,
    @Schema(
            description = "Key of the signatures; only in the answer that makes the webhook",
            implementation = String.class)
        Optional<String> secret) {}
