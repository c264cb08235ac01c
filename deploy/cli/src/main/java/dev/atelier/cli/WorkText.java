package dev.atelier.cli;

import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** What workers are at for an experiment, or what it waits for, as lines of text. */
final class WorkText {

  private WorkText() {}

  /** One line for each piece of work but trainings under way, which have bars of their own. */
  static List<String> lines(ExperimentReport report) {
    if (report.stage().terminal()) {
      return List.of();
    }
    if (report.doing().isEmpty()) {
      return report.warnings();
    }
    Set<String> trained =
        report.models().stream()
            .filter(model -> model.state() == ModelState.RUNNING)
            .map(ExperimentReport.Model::key)
            .collect(Collectors.toSet());
    return report.doing().stream()
        .filter(work -> work.model().filter(trained::contains).isEmpty())
        .map(WorkText::line)
        .toList();
  }

  private static String line(ExperimentReport.Work work) {
    List<String> parts = new ArrayList<>();
    parts.add(
        words(work.activity())
            + work.model().map(" of %s"::formatted).orElse("")
            + " on "
            + work.worker());
    work.progress().ifPresent(progress -> parts.add(text(progress)));
    work.progress()
        .flatMap(ExperimentReport.Progress::remainingSeconds)
        .ifPresent(seconds -> parts.add("ETA " + Notation.duration(seconds)));
    return String.join(" · ", parts);
  }

  private static String text(ExperimentReport.Progress progress) {
    return progress.total().isEmpty() || progress.done().isEmpty()
        ? progress.what()
        : String.format(
            Locale.ROOT,
            "%s: %,d of %,d",
            progress.what(),
            progress.done().get(),
            progress.total().get());
  }

  /** {@code MeasureReference} as "measure reference". */
  private static String words(String activity) {
    return activity.replaceAll("(?<=[a-z])(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
  }
}
