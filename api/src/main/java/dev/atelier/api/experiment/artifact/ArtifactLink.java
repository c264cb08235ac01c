package dev.atelier.api.experiment.artifact;

import java.net.URI;
import java.time.Instant;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Where anyone can get a file for a while, from the object store itself. */
public record ArtifactLink(
    String name,
    long bytes,
    String sha256,
    @Schema(description = "Needs no credentials: it is signed") URI href,
    Instant expiresAt) {}
