package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;

/** How one model is trained: Adam, warm-up, clipping, and an exponential moving average (EMA). */
public record TrainingSpec(
    @JsonPropertyDescription("Optimiser steps") @NotNull @Min(1) @Max(100_000_000) Integer steps,
    @JsonPropertyDescription("Images per step") @NotNull @Min(1) @Max(65_536) Integer batchSize,
    @JsonPropertyDescription("Learning rate of Adam after warm-up")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        Double learningRate,
    @JsonPropertyDescription("Steps over which the learning rate grows from 0") @NotNull @Min(0)
        Integer warmupSteps,
    @JsonPropertyDescription("Decoupled weight decay; 0: plain Adam") @NotNull @DecimalMin("0")
        Double weightDecay,
    @JsonPropertyDescription("Largest norm of the whole gradient")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        Double clipNorm,
    @JsonPropertyDescription("Decay of the exponential moving average of the weights")
        @NotNull
        @DecimalMin("0")
        @DecimalMax(value = "1", inclusive = false)
        Double emaDecay,
    @JsonPropertyDescription("Mirror each image with probability 1/2") @NotNull
        Boolean horizontalFlips,
    @JsonPropertyDescription("Steps between checkpoints") @NotNull @Min(1)
        Integer checkpointEverySteps,
    @JsonPropertyDescription("Steps between metric points") @NotNull @Min(1)
        Integer metricsEverySteps) {

  /** A hundred thousand steps of the DDPM recipe. */
  public static final TrainingSpec DEFAULTS =
      new TrainingSpec(null, null, null, null, null, null, null, null, null, null);

  public TrainingSpec {
    steps = steps == null ? 100_000 : steps;
    batchSize = batchSize == null ? 128 : batchSize;
    learningRate = learningRate == null ? 2e-4 : learningRate;
    warmupSteps = warmupSteps == null ? 5000 : warmupSteps;
    weightDecay = weightDecay == null ? 0.0 : weightDecay;
    clipNorm = clipNorm == null ? 1.0 : clipNorm;
    emaDecay = emaDecay == null ? 0.9999 : emaDecay;
    horizontalFlips = horizontalFlips == null ? Boolean.TRUE : horizontalFlips;
    checkpointEverySteps = checkpointEverySteps == null ? 1000 : checkpointEverySteps;
    metricsEverySteps = metricsEverySteps == null ? 10 : metricsEverySteps;
  }
}
