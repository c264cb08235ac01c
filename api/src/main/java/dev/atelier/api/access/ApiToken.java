package dev.atelier.api.access;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A token of the API, without its secret. */
public record ApiToken(
    String id,
    String name,
    Role role,
    @Schema(description = "Whose experiments it reaches; empty for an admin, who reaches all")
        List<String> projects,
    String createdBy,
    Instant createdAt,
    @Schema(implementation = Instant.class) Optional<Instant> expiresAt,
    @Schema(implementation = Instant.class) Optional<Instant> revokedAt,
    @Schema(
            description = "When it was last used, to the minute; absent: never",
            implementation = Instant.class)
        Optional<Instant> lastUsedAt,
    @Schema(
            description = "Id of the person whose own it is, who bounds what it may do",
            implementation = String.class)
        Optional<String> person) {}
