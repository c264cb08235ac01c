package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.soabase.recordbuilder.core.RecordBuilder;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.util.Optional;

/**
 * The training settings that one student, or a retry, may change; absent fields stay as they are.
 */
@RecordBuilder
public record TrainingOverrides(
    @JsonPropertyDescription("Optimiser steps in all, earlier ones included") @NotNull
        Optional<@Min(1) Integer> steps,
    @JsonPropertyDescription("Images per step") @NotNull Optional<@Min(1) Integer> batchSize,
    @JsonPropertyDescription("Learning rate of Adam after warm-up") @NotNull
        Optional<@DecimalMin(value = "0", inclusive = false) Double> learningRate,
    @JsonPropertyDescription("Steps over which the learning rate grows from 0") @NotNull
        Optional<@Min(0) Integer> warmupSteps,
    @JsonPropertyDescription("Largest norm of the whole gradient") @NotNull
        Optional<@DecimalMin(value = "0", inclusive = false) Double> clipNorm,
    @JsonPropertyDescription("Equal parts that a batch is cut into to save memory") @NotNull
        Optional<@Min(1) Integer> accumulationSteps,
    @JsonPropertyDescription("A step whose loss is above this has diverged") @NotNull
        Optional<@DecimalMin(value = "0", inclusive = false) Double> divergenceLoss,
    @JsonPropertyDescription(
            "How much the error of a sample counts by its t, with a gamma of its own: none, min-snr or p2")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<Weighting> weighting,
    @JsonPropertyDescription("Gamma of the weighting")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@DecimalMin("0") Double> weightingGamma) {

  /** Changes nothing. */
  public static final TrainingOverrides NONE = TrainingOverridesBuilder.builder().build();

  public TrainingOverrides {
    steps = steps == null ? Optional.empty() : steps;
    batchSize = batchSize == null ? Optional.empty() : batchSize;
    learningRate = learningRate == null ? Optional.empty() : learningRate;
    warmupSteps = warmupSteps == null ? Optional.empty() : warmupSteps;
    clipNorm = clipNorm == null ? Optional.empty() : clipNorm;
    accumulationSteps = accumulationSteps == null ? Optional.empty() : accumulationSteps;
    divergenceLoss = divergenceLoss == null ? Optional.empty() : divergenceLoss;
    weighting = weighting == null ? Optional.empty() : weighting;
    weightingGamma = weightingGamma == null ? Optional.empty() : weightingGamma;
  }

  /** Returns {@code base} with these settings in place of its own. */
  public TrainingSpec applyTo(TrainingSpec base) {
    return TrainingSpecBuilder.builder(base)
        .steps(steps.orElse(base.steps()))
        .batchSize(batchSize.orElse(base.batchSize()))
        .learningRate(learningRate.orElse(base.learningRate()))
        .warmupSteps(warmupSteps.orElse(base.warmupSteps()))
        .clipNorm(clipNorm.orElse(base.clipNorm()))
        .accumulationSteps(accumulationSteps.orElse(base.accumulationSteps()))
        .divergenceLoss(divergenceLoss.orElse(base.divergenceLoss()))
        .weighting(weighting.or(base::weighting))
        .weightingGamma(gammaBefore(base.weightingGamma()))
        .build();
  }

  /** What was said of the weighting's gamma before says nothing of another weighting's. */
  private Optional<Double> gammaBefore(Optional<Double> before) {
    return weighting.isPresent() ? weightingGamma : weightingGamma.or(() -> before);
  }

  /** Returns these settings, with those that {@code later} names in place of the same ones here. */
  public TrainingOverrides then(TrainingOverrides later) {
    return TrainingOverridesBuilder.builder()
        .steps(later.steps.or(() -> steps))
        .batchSize(later.batchSize.or(() -> batchSize))
        .learningRate(later.learningRate.or(() -> learningRate))
        .warmupSteps(later.warmupSteps.or(() -> warmupSteps))
        .clipNorm(later.clipNorm.or(() -> clipNorm))
        .accumulationSteps(later.accumulationSteps.or(() -> accumulationSteps))
        .divergenceLoss(later.divergenceLoss.or(() -> divergenceLoss))
        .weighting(later.weighting.or(() -> weighting))
        .weightingGamma(later.gammaBefore(weightingGamma))
        .build();
  }
}
