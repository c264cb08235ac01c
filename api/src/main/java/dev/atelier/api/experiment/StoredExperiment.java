package dev.atelier.api.experiment;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Stage;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/** A row of the table experiment. */
@RecordBuilder
public record StoredExperiment(
    String id,
    String name,
    ExperimentSpec spec,
    Map<String, String> labels,
    Stage stage,
    Optional<DatasetRef> dataset,
    Optional<Failure> error,
    Instant createdAt,
    Instant updatedAt,
    Optional<Instant> finishedAt,
    boolean paused,
    String project) {}
