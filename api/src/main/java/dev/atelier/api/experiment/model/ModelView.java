package dev.atelier.api.experiment.model;

import dev.atelier.api.experiment.Failure;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.Visits;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.ModelState;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.time.Instant;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A model of an experiment and how far it is. */
@RecordBuilder
public record ModelView(
    @Schema(implementation = String.class, examples = "student-1") ModelKey key,
    TimestepRange range,
    ModelState state,
    int step,
    int totalSteps,
    @Schema(implementation = Double.class) Optional<Double> loss,
    @Schema(implementation = Double.class) Optional<Double> imagesPerSecond,
    @Schema(implementation = Long.class) Optional<Long> etaSeconds,
    int attempts,
    @Schema(implementation = Long.class) Optional<Long> parameters,
    @Schema(
            description = "Multiply-accumulates of one forward pass of one image",
            implementation = Long.class)
        Optional<Long> macs,
    @Schema(implementation = Failure.class) Optional<Failure> error,
    TrainingOverrides overrides,
    @Schema(description = "Process that trains or trained it", implementation = String.class)
        Optional<String> worker,
    @Schema(implementation = Instant.class) Optional<Instant> startedAt,
    @Schema(implementation = Instant.class) Optional<Instant> finishedAt,
    @Schema(
            description = "Experiment that had trained an equal model, which was taken over",
            implementation = String.class)
        Optional<String> reusedFrom,
    @Schema(
            description = "Steps that were trained more than once, after a loss of a worker",
            implementation = Long.class)
        Optional<Long> repeatedSteps,
    @Schema(description = "Of its training, all attempts", implementation = Double.class)
        Optional<Double> cpuSeconds,
    @Schema(
            description = "During which its training held a GPU, all attempts",
            implementation = Double.class)
        Optional<Double> gpuSeconds,
    @Schema(
            description = "Steps of evaluation.sampler in its range; absent: not cut yet",
            implementation = Integer.class)
        Optional<Integer> visits,
    @Schema(
            description =
                "What an imported model was made of: source, revision, license, files; absent: it was trained here",
            implementation = ModelOrigin.class)
        Optional<ModelOrigin> origin) {

  /** Steps of the sampler in a model's range; empty: the range is not known yet. */
  static Optional<Integer> visits(ModelKey key, TimestepRange range, ExperimentSpec spec) {
    int timesteps = spec.diffusion().timesteps();
    boolean uncut =
        key.student().isPresent()
            && spec.students().assignment().plannedLater()
            && spec.students().count() > 1
            && range.length() == timesteps;
    return uncut
        ? Optional.empty()
        : Optional.of(Visits.in(range, spec.evaluation().sampler().timesteps(timesteps)));
  }

  /** Seconds until the last step at the present rate; empty: the model is not being trained. */
  static Optional<Long> eta(
      ModelState state,
      int stepsLeft,
      Optional<Double> imagesPerSecond,
      ModelKey key,
      ExperimentSpec spec,
      TrainingOverrides overrides) {
    return imagesPerSecond
        .filter(rate -> state == ModelState.RUNNING && rate > 0)
        .map(
            rate ->
                (long)
                    Math.ceil(
                        (double) stepsLeft
                            * overrides.applyTo(training(key, spec)).batchSize()
                            / rate));
  }

  private static TrainingSpec training(ModelKey key, ExperimentSpec spec) {
    if (key.equals(ModelKey.TEACHER)) {
      return spec.teacher().training();
    }
    TrainingSpec common = spec.students().training();
    return key.equals(ModelKey.ONE_TO_ONE)
        ? common
        : spec.students()
            .overridesOf(Integer.parseInt(key.value().substring("student-".length())))
            .applyTo(common);
  }
}
