package dev.atelier.api.experiment.launch;

import dev.atelier.spec.DiffusersFit;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.MemoryPlan;
import dev.atelier.spec.NetworkCost;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpecBuilder;
import dev.atelier.spec.Visits;
import dev.atelier.workflows.ModelKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What an experiment would take, for a spec that is right. */
public record Estimate(
    @Schema(description = "Teacher, students, one-to-one") List<Model> models,
    @Schema(
            description = "Hours of one device for all trainings, where past ones tell",
            implementation = Double.class)
        Optional<Double> deviceHours,
    @Schema(description = "Where the rates come from") String estimatedFrom,
    @Schema(description = "All of the spec, with what was left to its defaults")
        ExperimentSpec spec,
    @Schema(description = "What is allowed and hardly meant; mostly empty") List<String> warnings) {

  private static final int TENSORS_PER_WEIGHT = 5; // weight, gradient, both moments, average
  private static final int BYTES_PER_FLOAT = 4;

  /** One model; by this name the document has always had it. */
  @Schema(name = "Model1")
  public record Model(
      @Schema(examples = "student-1") String key,
      @Schema(description = "Absent: cut later", implementation = TimestepRange.class)
          Optional<TimestepRange> range,
      @Schema(
              description = "Of an unconditional network; absent: known once it is imported",
              implementation = Long.class)
          Optional<Long> parameters,
      @Schema(
              description = "Multiply-accumulates of one forward pass of one image",
              implementation = Long.class)
          Optional<Long> macs,
      int steps,
      @Schema(
              description = "Bytes of weights, gradients, Adam moments and average in training",
              implementation = Long.class)
          Optional<Long> trainingStateBytes,
      @Schema(
              description =
                  "Bytes that a training step holds at most; absent: not trained, or known once the teacher is imported",
              implementation = Memory.class)
          Optional<Memory> memory,
      @Schema(implementation = Double.class) Optional<Double> stepsPerSecond,
      @Schema(description = "Of one device", implementation = Double.class) Optional<Double> hours,
      @Schema(
              description = "Steps of evaluation.sampler in its range; absent: cut later",
              implementation = Integer.class)
          Optional<Integer> visits) {}

  /**
   * What a training step holds at most, in bytes.
   *
   * @param total all of it
   * @param checkpointed all of it with training.gradientCheckpointing
   * @param kept all of it without
   * @param bySamples the same for fewer samples at once, fewest first
   */
  public record Memory(
      long total, long checkpointed, long kept, MemoryPlan parts, List<OfSamples> bySamples) {}

  /**
   * What a training step holds at most with {@code samples} at once, in bytes: those of a batch, or
   * of a part of it where it is cut into accumulationSteps.
   *
   * @param checkpointed all of it with training.gradientCheckpointing
   * @param kept all of it without
   */
  public record OfSamples(int samples, long checkpointed, long kept) {}

  /**
   * The estimate.
   *
   * @param macsPerSecond that trainings on this class of device have done; a training step is three
   *     forward passes, and one of the teacher where it teaches
   * @param warnings what is allowed and hardly meant
   */
  static Estimate of(ExperimentSpec spec, OptionalDouble macsPerSecond, List<String> warnings) {
    List<Model> models = new ArrayList<>();
    StudentsSpec students = spec.students();
    int timesteps = spec.diffusion().timesteps();
    TimestepRange all = new TimestepRange(0, timesteps);
    List<Integer> visited = spec.evaluation().sampler().timesteps(timesteps);
    Optional<NetworkCost> teacher =
        spec.teacher().source().isPresent()
            ? Optional.empty()
            : Optional.of(cost(spec, spec.teacher().network()));
    models.add(
        model(
            ModelKey.TEACHER,
            Optional.of(all),
            teacher,
            spec.teacher().source().isPresent()
                ? Optional.empty()
                : Optional.of(spec.teacher().training()),
            memory(spec, spec.teacher().network(), spec.teacher().training(), false),
            0,
            macsPerSecond,
            visited));
    List<TimestepRange> ranges = students.assignment().plannedLater() ? List.of() : spec.ranges();
    // An imported teacher's cost is not known: its forward pass is left out.
    long teaching =
        spec.students().loss().distillation() > 0 ? teacher.map(NetworkCost::macs).orElse(0L) : 0;
    for (int k = 1; k <= students.count(); k++) {
      boolean trained = !students.ownedByTeacher(k);
      models.add(
          model(
              ModelKey.student(k),
              ranges.isEmpty() ? Optional.empty() : Optional.of(ranges.get(k - 1)),
              trained ? Optional.of(cost(spec, students.networkOf(k))) : teacher,
              trained
                  ? Optional.of(students.overridesOf(k).applyTo(students.training()))
                  : Optional.empty(),
              trained
                  ? memory(
                      spec,
                      students.networkOf(k),
                      students.overridesOf(k).applyTo(students.training()),
                      true)
                  : Optional.empty(),
              teaching,
              macsPerSecond,
              visited));
    }
    if (students.trainsOneToOne()) {
      models.add(
          model(
              ModelKey.ONE_TO_ONE,
              Optional.of(all),
              Optional.of(cost(spec, students.network())),
              Optional.of(students.training()),
              memory(spec, students.network(), students.training(), true),
              teaching,
              macsPerSecond,
              visited));
    }
    return new Estimate(
        models,
        macsPerSecond.isEmpty()
            ? Optional.empty()
            : Optional.of(models.stream().mapToDouble(m -> m.hours().orElse(0.0)).sum()),
        macsPerSecond.isEmpty()
            ? "No training has ended on '%s' yet, so that rates are not known."
                .formatted(spec.compute())
            : "Rates from trainings on '%s': %.2f GMACs per second."
                .formatted(spec.compute(), macsPerSecond.getAsDouble() / 1e9),
        spec,
        warnings);
  }

  /** What is known at launch to be hardly meant. */
  static List<String> warnings(ExperimentSpec spec) {
    Optional<String> unasked =
        spec.students().assignment().plannedLater()
            ? Optional.empty()
            : spec.visits(spec.ranges()).warning();
    return Stream.concat(
            Stream.of(unasked, spec.guidedCutWarning()).flatMap(Optional::stream),
            DiffusersFit.warnings(spec).stream())
        .toList();
  }

  private static NetworkCost cost(ExperimentSpec spec, NetworkSpec network) {
    return NetworkCost.of(network, spec.dataset().resolution(), spec.dataset().channels());
  }

  /** Empty where the teacher is imported: what it holds is not known. */
  private static Optional<Memory> memory(
      ExperimentSpec spec, NetworkSpec network, TrainingSpec training, boolean taught) {
    if (spec.teacher().source().isPresent()) {
      return Optional.empty();
    }
    MemoryPlan.Networks networks = MemoryPlan.Networks.of(spec, network, taught);
    MemoryPlan parts = networks.plan(training);
    return Optional.of(
        new Memory(
            parts.total(),
            networks.plan(checkpointing(training, true)).total(),
            networks.plan(checkpointing(training, false)).total(),
            parts,
            bySamples(networks, training)));
  }

  private static List<OfSamples> bySamples(MemoryPlan.Networks networks, TrainingSpec training) {
    int most = Math.max(1, training.batchSize() / training.accumulationSteps());
    return Stream.concat(
            IntStream.iterate(1, samples -> samples < most, samples -> 2 * samples).boxed(),
            Stream.of(most))
        .map(
            samples ->
                new OfSamples(
                    samples,
                    ofSamples(networks, checkpointing(training, true), samples),
                    ofSamples(networks, checkpointing(training, false), samples)))
        .toList();
  }

  private static long ofSamples(MemoryPlan.Networks networks, TrainingSpec training, int samples) {
    return networks
        .plan(
            TrainingSpecBuilder.builder(training)
                .batchSize(samples * training.accumulationSteps())
                .build())
        .total();
  }

  private static TrainingSpec checkpointing(TrainingSpec training, boolean on) {
    return TrainingSpecBuilder.builder(training).gradientCheckpointing(Optional.of(on)).build();
  }

  private static Model model(
      ModelKey key,
      Optional<TimestepRange> range,
      Optional<NetworkCost> cost,
      Optional<TrainingSpec> training,
      Optional<Memory> memory,
      long teacherMacs,
      OptionalDouble macsPerSecond,
      List<Integer> visited) {
    Optional<Double> stepsPerSecond =
        macsPerSecond.isEmpty() || cost.isEmpty() || training.isEmpty()
            ? Optional.empty()
            : Optional.of(
                macsPerSecond.getAsDouble()
                    / (training.get().batchSize() * (3.0 * cost.get().macs() + teacherMacs)));
    int steps = training.map(TrainingSpec::steps).orElse(0);
    return new Model(
        key.value(),
        range,
        cost.map(NetworkCost::parameters),
        cost.map(NetworkCost::macs),
        steps,
        training.isPresent()
            ? cost.map(c -> c.parameters() * TENSORS_PER_WEIGHT * BYTES_PER_FLOAT)
            : Optional.empty(),
        memory,
        stepsPerSecond,
        stepsPerSecond.map(rate -> steps / rate / 3600),
        range.map(r -> Visits.in(r, visited)));
  }
}
