package dev.atelier.api.access;

import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A person whom the provider has let in. */
public record Person(
    String id,
    String name,
    @Schema(description = "What the provider last said; no token of theirs may do more") Role role,
    @Schema(description = "Whose experiments they reach; empty for an admin, who reaches all")
        List<String> projects,
    Instant signedInAt) {}
