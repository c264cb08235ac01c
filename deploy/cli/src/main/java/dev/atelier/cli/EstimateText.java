package dev.atelier.cli;

import dev.atelier.cli.LaunchEstimate.Memory;
import dev.atelier.cli.LaunchEstimate.Model;
import dev.atelier.cli.LaunchEstimate.OfSamples;
import dev.atelier.cli.LaunchEstimate.Parts;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** A dry run as lines of text. */
final class EstimateText {

  private static final String UNKNOWN = "—";

  private EstimateText() {}

  /** What each model costs, what its training holds, and from what this is known. */
  static List<String> full(LaunchEstimate estimate) {
    List<String> lines = new ArrayList<>(models(estimate.models()));
    lines.add(
        estimate
                .deviceHours()
                .map(h -> String.format(Locale.ROOT, "%.3g device hours in all. ", h))
                .orElse("")
            + estimate.estimatedFrom());
    lines.addAll(memory(estimate.models()));
    return lines;
  }

  private static List<String> models(List<Model> models) {
    TextTable table =
        new TextTable(
            "model", "range", "visits", "parameters", "MACs", "steps", "steps/s", "hours");
    for (Model model : models) {
      table.row(
          model.key(),
          model.range().map(Object::toString).orElse("cut later"),
          model.visits().map(Object::toString).orElse(UNKNOWN),
          model.parameters().map(Figures::count).orElse("unknown"),
          model.macs().map(Figures::count).orElse("unknown"),
          Integer.toString(model.steps()),
          model.stepsPerSecond().map(Figures::rate).orElse(UNKNOWN),
          model.hours().map(h -> String.format(Locale.ROOT, "%.3g", h)).orElse(UNKNOWN));
    }
    return table.lines();
  }

  /** Models that hold the same are one row. */
  private static List<String> memory(List<Model> models) {
    Map<Memory, List<String>> holding = new LinkedHashMap<>();
    for (Model model : models) {
      model
          .memory()
          .ifPresent(m -> holding.computeIfAbsent(m, same -> new ArrayList<>()).add(model.key()));
    }
    if (holding.isEmpty()) {
      return List.of("", "What a training step holds is known once the teacher is imported.");
    }
    TextTable parts =
        new TextTable(
            "memory of a training step",
            "weights",
            "average",
            "moments",
            "gradients",
            "activations",
            "teacher",
            "at most");
    TextTable bySamples =
        new TextTable("", "samples at once", "activations kept", "computed again");
    holding.forEach(
        (memory, keys) -> {
          Parts p = memory.parts();
          parts.row(
              named(keys),
              Figures.bytes(p.weights()),
              Figures.bytes(p.average()),
              Figures.bytes(p.moments()),
              Figures.bytes(p.gradients()),
              Figures.bytes(p.activations()),
              p.teacherWeights() == 0
                  ? UNKNOWN
                  : Figures.bytes(p.teacherWeights() + p.teacherActivations()),
              Figures.bytes(memory.total()));
          for (OfSamples of : memory.bySamples()) {
            bySamples.row(
                named(keys),
                Integer.toString(of.samples()),
                Figures.bytes(of.kept()),
                Figures.bytes(of.checkpointed()));
          }
        });
    List<String> lines = new ArrayList<>(List.of(""));
    lines.addAll(parts.lines());
    lines.add("");
    lines.addAll(bySamples.lines());
    lines.add(
        "Beside what a worker's process holds. Activations are computed again with training.gradientCheckpointing.");
    return lines;
  }

  private static String named(List<String> keys) {
    return keys.size() <= 2
        ? keys.stream().collect(Collectors.joining(", "))
        : "%s … %s".formatted(keys.get(0), keys.get(keys.size() - 1));
  }
}
