package dev.atelier.api.experiment;

import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Why an experiment or a model failed. */
public record Failure(
    @Schema(description = "Kind of failure", examples = "DIVERGED") String type, String message) {}
