package dev.atelier.cli;

import dev.atelier.cli.LaunchEstimate.Memory;
import dev.atelier.cli.LaunchEstimate.Model;
import dev.atelier.cli.LaunchEstimate.OfSamples;
import dev.atelier.cli.LaunchEstimate.Parts;
import dev.atelier.workflows.vocabulary.ModelOrder;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A dry run as lines of text. */
final class EstimateText {

  private EstimateText() {}

  /** What each model costs, what its training holds, and from what this is known. */
  static List<String> full(LaunchEstimate estimate) {
    List<String> lines = new ArrayList<>(models(estimate.models()));
    lines.add(
        estimate
                .deviceHours()
                .map(h -> "%s of device time in all. ".formatted(Notation.duration(3600 * h)))
                .orElse("")
            + estimate.estimatedFrom());
    lines.addAll(memory(estimate.models()));
    return lines;
  }

  private static List<String> models(List<Model> models) {
    TextTable table =
        new TextTable("model", "range", "visits", "parameters", "MACs", "steps", "steps/s", "time");
    List<Model> inOrder =
        models.stream().sorted(Comparator.comparing(Model::key, new ModelOrder())).toList();
    for (Model model : inOrder) {
      table.row(
          model.key(),
          model.range().map(Object::toString).orElse("cut later"),
          model.visits().map(Object::toString).orElse(Notation.NONE),
          model.parameters().map(Notation::count).orElse(Notation.NONE),
          model.macs().map(Notation::count).orElse(Notation.NONE),
          Integer.toString(model.steps()),
          model.stepsPerSecond().map(Notation::rate).orElse(Notation.NONE),
          model.hours().map(h -> Notation.duration(3600 * h)).orElse(Notation.NONE));
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
              Notation.bytes(p.weights()),
              Notation.bytes(p.average()),
              Notation.bytes(p.moments()),
              Notation.bytes(p.gradients()),
              Notation.bytes(p.activations()),
              p.teacherWeights() == 0
                  ? Notation.NONE
                  : Notation.bytes(p.teacherWeights() + p.teacherActivations()),
              Notation.bytes(memory.total()));
          for (OfSamples of : memory.bySamples()) {
            bySamples.row(
                named(keys),
                Integer.toString(of.samples()),
                Notation.bytes(of.kept()),
                Notation.bytes(of.checkpointed()));
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
