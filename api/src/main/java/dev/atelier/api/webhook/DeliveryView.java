package dev.atelier.api.webhook;

import io.soabase.recordbuilder.core.RecordBuilder;
import java.net.URI;
import java.time.Instant;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A message and what became of it. */
@RecordBuilder
public record DeliveryView(
    @Schema(description = "The receiver's webhook-id, the same with each attempt") String id,
    @Schema(examples = "experiment.stage") String type,
    @Schema(
            description = "The experiment's event that it tells of; absent: a test",
            implementation = Long.class)
        Optional<Long> event,
    @Schema(description = "Who gets the mail; absent: it is no mail", implementation = String.class)
        Optional<String> recipient,
    State state,
    int attempts,
    @Schema(description = "Status of the receiver's last answer", implementation = Integer.class)
        Optional<Integer> status,
    @Schema(description = "Why the last attempt failed", implementation = String.class)
        Optional<String> error,
    Instant createdAt,
    @Schema(implementation = Instant.class) Optional<Instant> attemptedAt,
    @Schema(implementation = Instant.class) Optional<Instant> finishedAt,
    @Schema(
            description = "Page of its workflow in the Temporal Web UI, if there is one",
            implementation = String.class,
            format = "uri")
        Optional<URI> temporal) {

  /** How far a delivery is. */
  public enum State {
    PENDING,
    DELIVERED,
    FAILED
  }
}
