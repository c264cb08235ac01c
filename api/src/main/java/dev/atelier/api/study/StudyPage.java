package dev.atelier.api.study;

import dev.atelier.api.export.Table;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Some studies, newest first. */
public record StudyPage(
    List<StudySummary> items,
    @Schema(
            description = "Ask for the next page with it; absent: there is none",
            implementation = String.class)
        Optional<String> nextCursor)
    implements Table.Page<StudySummary> {}
