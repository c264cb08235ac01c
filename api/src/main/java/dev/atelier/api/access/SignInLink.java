package dev.atelier.api.access;

import java.net.URI;
import java.time.Instant;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What signs one browser in, once. */
public record SignInLink(
    @Schema(description = "The dashboard's address with the code behind #") URI href,
    Instant expiresAt) {}
