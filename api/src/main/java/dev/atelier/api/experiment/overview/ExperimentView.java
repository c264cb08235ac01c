package dev.atelier.api.experiment.overview;

import dev.atelier.api.experiment.Failure;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.experiment.artifact.ArtifactView;
import dev.atelier.api.experiment.evaluation.EvaluationView;
import dev.atelier.api.experiment.evaluation.ScheduleView;
import dev.atelier.api.experiment.model.ModelView;
import dev.atelier.api.worker.ExperimentWork;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Stage;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** All of an experiment but its metrics. */
@RecordBuilder
public record ExperimentView(
    String id,
    String name,
    Stage stage,
    @Schema(implementation = Failure.class) Optional<Failure> error,
    Map<String, String> labels,
    @Schema(description = "The prepared dataset", implementation = DatasetRef.class)
        Optional<DatasetRef> dataset,
    Instant createdAt,
    Instant updatedAt,
    @Schema(implementation = Instant.class) Optional<Instant> finishedAt,
    @Schema(description = "Teacher, students, one-to-one") List<ModelView> models,
    List<EvaluationView> evaluations,
    List<ArtifactView> artifacts,
    ExperimentSpec spec,
    Links links,
    @Schema(
            description =
                "Images that the dataset has lost, why figures that stand side by side here don't compare, and which students no sampler step asks; mostly empty")
        List<String> warnings,
    @Schema(description = "What the search for schedules tried, in order")
        List<ScheduleView> schedules,
    @Schema(description = "Whether it starts no work until it is resumed") boolean paused,
    @Schema(description = "The project that it belongs to") String project,
    @Schema(
            description =
                "What workers are at for it, oldest first; nothing: it waits, or has ended")
        List<ExperimentWork> doing) {}
