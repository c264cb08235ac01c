package dev.atelier.api.webhook;

import dev.atelier.api.export.Table;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Deliveries of a webhook, newest first. */
public record DeliveryPage(
    List<DeliveryView> items,
    @Schema(
            description = "Pass as `cursor` to get the next page; absent: this is the last",
            implementation = String.class)
        Optional<String> nextCursor)
    implements Table.Page<DeliveryView> {}
