package dev.atelier.spec;

import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;

/** How one model is trained: Adam, warm-up, clipping, and an exponential moving average (EMA). */
public record TrainingSpec(
    @NotNull @Min(1) @Max(100_000_000) Integer steps,
    @NotNull @Min(1) @Max(65_536) Integer batchSize, // images per step
    @NotNull @DecimalMin(value = "0", inclusive = false) Double learningRate,
    @NotNull @Min(0) Integer warmupSteps, // steps over which the learning rate grows from 0
    @NotNull @DecimalMin("0") Double weightDecay, // decoupled; 0: plain Adam
    @NotNull @DecimalMin(value = "0", inclusive = false) Double clipNorm, // of the whole gradient
    @NotNull @DecimalMin("0") @DecimalMax(value = "1", inclusive = false) Double emaDecay,
    @NotNull Boolean horizontalFlips,
    @NotNull @Min(1) Integer checkpointEverySteps,
    @NotNull @Min(1) Integer metricsEverySteps) {

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
