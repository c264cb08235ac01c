package dev.atelier.cli;

import dev.atelier.spec.TimestepRange;
import java.util.List;
import java.util.Optional;

/** What a dry run tells, as far as the CLI shows it. */
record LaunchEstimate(
    List<Model> models, Optional<Double> deviceHours, String estimatedFrom, List<String> warnings) {

  LaunchEstimate {
    warnings = warnings == null ? List.of() : warnings;
  }

  /** A model that would be trained, or imported. */
  record Model(
      String key,
      Optional<TimestepRange> range,
      Optional<Long> parameters,
      Optional<Long> macs,
      int steps,
      Optional<Memory> memory,
      Optional<Double> stepsPerSecond,
      Optional<Double> hours,
      Optional<Integer> visits) {}

  /** Bytes that a training step holds at most: as the spec has it, and with either setting. */
  record Memory(long total, long checkpointed, long kept, Parts parts, List<OfSamples> bySamples) {
    Memory {
      bySamples = bySamples == null ? List.of() : bySamples; // of an older server
    }
  }

  /** Bytes of what it consists of. */
  record Parts(
      long weights,
      long average,
      long moments,
      long gradients,
      long activations,
      long teacherWeights,
      long teacherActivations) {}

  /** Bytes with so many samples at once. */
  record OfSamples(int samples, long checkpointed, long kept) {}
}
