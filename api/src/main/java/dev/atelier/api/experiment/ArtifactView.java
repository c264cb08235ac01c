package dev.atelier.api.experiment;

import java.net.URI;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A file that an experiment made for users. */
public record ArtifactView(
    @Schema(examples = "student-1.pt") String name,
    @Schema(description = "export, grid, trajectory or report") String kind,
    String contentType,
    long bytes,
    String sha256,
    URI href) {}
