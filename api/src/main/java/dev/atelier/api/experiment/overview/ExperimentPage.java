package dev.atelier.api.experiment.overview;

import dev.atelier.api.export.Table;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A part of the list of experiments, newest first. */
public record ExperimentPage(
    List<ExperimentSummary> items,
    @Schema(
            description = "Pass as `cursor` to get the next page; absent: this is the last",
            implementation = String.class)
        Optional<String> nextCursor,
    @Schema(description = "Why distances that stand side by side here don't compare")
        List<String> warnings)
    implements Table.Page<ExperimentSummary> {}
