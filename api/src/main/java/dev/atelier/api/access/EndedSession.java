package dev.atelier.api.access;

import java.net.URI;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A person's session that was ended. */
public record EndedSession(
    @Schema(description = "Where the person signs out at the provider, too") URI provider) {}
