package dev.atelier.api.access;

import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A token that was made just now. */
public record CreatedToken(
    @Schema(description = "The token itself; it is shown this once") String token,
    ApiToken created) {}
