package dev.atelier.api.worker;

import java.time.Instant;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Something that a worker is at for an experiment. */
public record ExperimentWork(
    @Schema(description = "Type of the activity") String activity,
    @Schema(implementation = String.class) Optional<String> model,
    @Schema(description = "Name of the worker") String worker,
    Instant since,
    @Schema(description = "Absent: it said nothing yet", implementation = WorkerView.Progress.class)
        Optional<WorkerView.Progress> progress) {}
