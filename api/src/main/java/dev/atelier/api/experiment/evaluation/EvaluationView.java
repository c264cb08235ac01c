package dev.atelier.api.experiment.evaluation;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The figures of one subject. */
public record EvaluationView(
    @Schema(examples = "o2mkd") String subject,
    @Schema(description = "What the distance is") String metric,
    @Schema(implementation = Double.class) Optional<Double> distance,
    @Schema(
            description =
                "Multiply-accumulates per sampling step and image; absent: unknown, as of a TorchScript teacher",
            implementation = Double.class)
        Optional<Double> macsPerStep,
    @Schema(description = "Of all models of the subject") long parameters,
    double imagesPerSecond,
    @Schema(
            description =
                "Largest resident set of a process that only loads the models and samples a batch; 0: not measured")
        long peakMemoryBytes,
    @Schema(description = "Under what conditions it was measured", implementation = Object.class)
        JsonNode protocol,
    @Schema(
            description =
                "Every figure that compares images: frechetDistance, kernelDistance, classScore, precision, recall, density, coverage, and deviations",
            implementation = Object.class)
        Map<String, Double> metrics,
    @Schema(
            description = "Of all models of the subject, as libtorch holds them",
            implementation = Long.class)
        Optional<Long> weightsBytes,
    @Schema(
            description = "The experiment that measured these figures, if they were taken over",
            implementation = String.class)
        Optional<String> reusedFrom) {}
