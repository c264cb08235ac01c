package dev.atelier.api.experiment.overview;

import dev.atelier.api.experiment.Links;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** An experiment in a list. */
@RecordBuilder
public record ExperimentSummary(
    String id,
    String name,
    Stage stage,
    Map<String, String> labels,
    @Schema(description = "Source of the dataset") String dataset,
    @Schema(description = "Number of students") int students,
    @Schema(
            description =
                "p, the probability that a sample's t is drawn from its student's own range")
        double specificProbability,
    @Schema(description = "Steps that all models together have taken") long step,
    @Schema(description = "Steps that all models together will take") long totalSteps,
    @Schema(description = "Fréchet distance by subject") Map<String, Double> distances,
    Instant createdAt,
    Instant updatedAt,
    @Schema(implementation = Instant.class) Optional<Instant> finishedAt,
    Links links,
    @Schema(description = "Teacher, students, one-to-one: their ranges and how far they are")
        List<Model> models,
    @Schema(description = "Multiply-accumulates per sampling step and image, by subject")
        Map<String, Double> macsPerStep,
    @Schema(description = "Processor seconds of its trainings, every attempt and thread")
        double cpuSeconds,
    @Schema(description = "Seconds during which its trainings held a GPU, every attempt")
        double gpuSeconds,
    @Schema(description = "The study that it belongs to", implementation = String.class)
        Optional<String> study,
    @Schema(description = "The project that it belongs to") String project,
    @Schema(description = "Whether it starts no work until it is resumed") boolean paused) {

  /** A model in a list; by this name the document has always had it. */
  @Schema(name = "Model")
  public record Model(
      String key, int low, int high, ModelState state, long step, long totalSteps) {}
}
