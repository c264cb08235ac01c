package dev.atelier.api.experiment.artifact;

import java.net.URI;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A file that an experiment made for users. */
public record ArtifactView(
    @Schema(description = "May have folders", examples = "student-1/unet/config.json") String name,
    @Schema(description = "A kind of files of the vocabulary", examples = "export") String kind,
    String contentType,
    long bytes,
    String sha256,
    URI href) {}
