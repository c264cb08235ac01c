package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.soabase.recordbuilder.core.RecordBuilder;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import java.util.Optional;

/** How one model is trained: Adam, warm-up, clipping, and an exponential moving average (EMA). */
@RecordBuilder
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
        Integer metricsEverySteps,
    @JsonPropertyDescription(
            "Learning rate after warm-up: constant, or cosine down to finalLearningRate")
        @NotNull
        LearningRateSchedule learningRateSchedule,
    @JsonPropertyDescription("Where cosine ends; read by cosine") @NotNull @DecimalMin("0")
        Double finalLearningRate,
    @JsonPropertyDescription(
            "Equal parts that a batch is cut into, one after the other, to save memory")
        @NotNull
        @Min(1)
        @Max(65_536)
        Integer accumulationSteps,
    @JsonPropertyDescription(
            "Number format of convolutions and matrix products: fp32, or bf16 with fp32 weights")
        @NotNull
        Precision precision,
    @JsonPropertyDescription("A step whose loss is above this has diverged")
        @NotNull
        @DecimalMin(value = "0", inclusive = false)
        Double divergenceLoss,
    @JsonPropertyDescription(
            "How much the error of a sample counts by its t: none (all alike), min-snr or p2")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<Weighting> weighting,
    @JsonPropertyDescription("Gamma of the weighting; absent: 5 for min-snr, 1 for p2")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@DecimalMin("0") Double> weightingGamma,
    @JsonPropertyDescription("beta_2 of Adam, of its mean of squared gradients; absent: 0.999")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@DecimalMin("0") @DecimalMax(value = "1", inclusive = false) Double> adamBeta2,
    @JsonPropertyDescription(
            "Probability that a sample's class or text is left out, so that sampling can be guided; absent: 0")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@DecimalMin("0") @DecimalMax("1") Double> conditioningDropout,
    @JsonPropertyDescription(
            "Whether activations are computed a second time in the backward pass in place of being kept: the same numbers, less memory, more time")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Boolean> gradientCheckpointing,
    @JsonPropertyDescription(
            "Whether a training that runs out of memory is tried once more with its batch cut into twice as many parts, which may change bits")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Boolean> accumulateWhenOutOfMemory) {

  /** The learning rate after warm-up. */
  public enum LearningRateSchedule {
    @JsonProperty("constant")
    CONSTANT,
    @JsonProperty("cosine")
    COSINE // Loshchilov & Hutter 2017, eq. 5, without restarts
  }

  /** The number format of convolutions, linear layers and attention; all else is fp32. */
  public enum Precision {
    @JsonProperty("fp32")
    FP32,
    @JsonProperty("bf16")
    BF16
  }

  private static final double USUAL_BETA2 = 0.999; // Kingma & Ba 2015

  /** A hundred thousand steps of the DDPM recipe. */
  public static final TrainingSpec DEFAULTS = TrainingSpecBuilder.builder().build();

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
    learningRateSchedule =
        learningRateSchedule == null ? LearningRateSchedule.CONSTANT : learningRateSchedule;
    finalLearningRate = finalLearningRate == null ? 0.0 : finalLearningRate;
    accumulationSteps = accumulationSteps == null ? 1 : accumulationSteps;
    precision = precision == null ? Precision.FP32 : precision;
    divergenceLoss = divergenceLoss == null ? 1e4 : divergenceLoss;
    weighting = weighting == null ? Optional.empty() : weighting;
    weighting = weighting.filter(w -> w != Weighting.NONE); // as if nothing were said
    weightingGamma = weightingGamma == null ? Optional.empty() : weightingGamma;
    adamBeta2 = adamBeta2 == null ? Optional.empty() : adamBeta2;
    adamBeta2 = adamBeta2.filter(beta -> beta != USUAL_BETA2); // as if nothing were said
    conditioningDropout = conditioningDropout == null ? Optional.empty() : conditioningDropout;
    conditioningDropout = conditioningDropout.filter(probability -> probability != 0);
    gradientCheckpointing =
        gradientCheckpointing == null ? Optional.empty() : gradientCheckpointing.filter(on -> on);
    accumulateWhenOutOfMemory =
        accumulateWhenOutOfMemory == null
            ? Optional.empty()
            : accumulateWhenOutOfMemory.filter(on -> on);
  }

  /** The parameter of the weighting. */
  public double gamma() {
    return weightingGamma.orElse(weighting.orElse(Weighting.NONE).usualGamma());
  }

  /** beta_2 of Adam. */
  public double beta2() {
    return adamBeta2.orElse(USUAL_BETA2);
  }

  /** The same training with more, or fewer, steps in all. */
  public TrainingSpec extendedTo(int allSteps) {
    return TrainingSpecBuilder.builder(this).steps(allSteps).build();
  }
}
