package dev.atelier.api.experiment;

import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The answer to a request that goes on after it. */
public record Accepted(
    String id,
    Links links,
    @Schema(description = "Of a launch: what is allowed and hardly meant; mostly empty")
        List<String> warnings) {}
