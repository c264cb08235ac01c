package dev.atelier.cli;

import dev.atelier.workflows.scorecard.ScorecardRow;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A study as lines of text. */
final class StudyText {

  private StudyText() {}

  static String line(Study study) {
    return "%s  %s  %d of %d experiments have ended"
        .formatted(study.id(), study.stage(), study.ended(), study.members().size());
  }

  static List<String> full(Study study) {
    List<String> lines = new ArrayList<>();
    lines.add("%s  %s".formatted(study.name(), line(study)));
    if (!study.question().isEmpty()) {
      lines.add(study.question());
    }
    study.error().ifPresent(lines::add);
    lines.add("");
    lines.addAll(members(study));
    if (!study.scorecard().isEmpty()) {
      lines.add("");
      lines.addAll(scorecard(study));
    }
    if (!study.artifacts().isEmpty()) {
      lines.add("");
      lines.add("Report: ./atelier study report %s --to DIR".formatted(study.id()));
    }
    return lines;
  }

  private static List<String> scorecard(Study study) {
    TextTable table =
        new TextTable("claim", "its figure", "ours", "seeds", "verdict", "rule", "quantity");
    for (ScorecardRow row : study.scorecard()) {
      table.row(
          row.claim(),
          row.figure().map(Notation::given).orElse("not known to us"),
          row.ours()
              .map(ours -> Notation.spread(ours.mean(), ours.deviation()))
              .orElse(Notation.NONE),
          row.ours().map(ours -> Integer.toString(ours.seeds())).orElse(Notation.NONE),
          row.verdict().title(),
          row.rule(),
          row.quantity());
    }
    return table.lines();
  }

  private static List<String> members(Study study) {
    if (study.members().isEmpty()) {
      return List.of();
    }
    List<String> axes = study.members().get(0).axes().stream().map(Study.AxisValue::axis).toList();
    TextTable table =
        new TextTable(
            cells(Stream.of("experiment"), axes, "seed", "stage", "steps", "reused", "distances"));
    for (Study.Member m : study.members()) {
      table.row(
          cells(
              Stream.of(m.experimentId()),
              m.axes().stream().map(Study.AxisValue::value).toList(),
              Long.toString(m.seed()),
              m.stage().toString(),
              "%d/%d".formatted(m.step(), m.totalSteps()),
              Integer.toString(m.reusedModels()),
              ReportText.distances(m.distances())));
    }
    return table.lines();
  }

  private static String[] cells(Stream<String> first, List<String> axes, String... rest) {
    return Stream.of(first, axes.stream(), Stream.of(rest))
        .flatMap(cells -> cells)
        .toArray(String[]::new);
  }
}
