package dev.atelier.api.registry;

import dev.atelier.workflows.PassedOver;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A prepared dataset, known by its content. */
public record DatasetView(
    @Schema(description = "SHA-256 of the prepared content") String sha256,
    int images,
    @Schema(description = "Pixels per side") int resolution,
    int channels,
    @Schema(description = "Files of images that were lost") int skipped,
    @Schema(description = "Classes that networks are conditioned on; 0: unconditional") int classes,
    @Schema(description = "Where it came from, as specs have it") List<String> sources,
    @Schema(description = "Experiments that use it") int experiments,
    Instant firstUsedAt,
    @Schema(description = "The newest of its experiments") URI newest,
    @Schema(description = "Files of its source that were not used, by reason")
        List<PassedOver> passedOver) {}
