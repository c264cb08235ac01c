package dev.atelier.api.study;

import dev.atelier.workflows.StudyStage;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A study in a list. */
public record StudySummary(
    String id,
    String name,
    String question,
    StudyStage stage,
    Map<String, String> labels,
    @Schema(description = "How many it has") int experiments,
    @Schema(description = "How many of them have ended, well or not") int ended,
    Instant createdAt,
    Instant updatedAt,
    @Schema(implementation = Instant.class) Optional<Instant> finishedAt,
    StudyLinks links) {}
