package dev.atelier.cli;

import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.PassedOver;
import dev.atelier.workflows.vocabulary.Figure;
import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.ModelOrder;
import dev.atelier.workflows.vocabulary.Notation;
import dev.atelier.workflows.vocabulary.Subject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** An experiment as lines of text. */
public final class ReportText {

  private static final int BAR_CELLS = 20;

  private ReportText() {}

  /** One line per model: name, range, bar, step, loss, images per second, time left. */
  static List<String> bars(List<ExperimentReport.Model> models) {
    int keyWidth = models.stream().mapToInt(model -> model.key().length()).max().orElse(0);
    int rangeWidth =
        models.stream().mapToInt(model -> model.range().toString().length()).max().orElse(0);
    int stepWidth = models.stream().mapToInt(model -> steps(model).length()).max().orElse(0);
    return models.stream()
        .sorted(Comparator.comparing(ExperimentReport.Model::key, new ModelOrder()))
        .map(
            model ->
                "%s  %s  %s  %s  %s"
                    .formatted(
                        padded(model.key(), keyWidth),
                        padded(model.range().toString(), rangeWidth),
                        bar(model),
                        padded(steps(model), stepWidth),
                        figures(model))
                    .stripTrailing())
        .toList();
  }

  private static String bar(ExperimentReport.Model model) {
    double done =
        model.totalSteps() > 0
            ? (double) model.step() / model.totalSteps()
            : model.state() == ModelState.DONE
                ? 1
                : 0; // imported, or the teacher's range: without a step
    int filled = (int) Math.floor(Math.min(1, done) * BAR_CELLS);
    return "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
  }

  /** Steps done of all, or why there are none. */
  static String steps(ExperimentReport.Model model) {
    if (model.totalSteps() > 0) {
      return "%d/%d".formatted(model.step(), model.totalSteps());
    }
    return model.key().startsWith("student-") ? "the teacher" : "imported";
  }

  /** What is known of the training: loss, speed, time left; or its state. */
  static String figures(ExperimentReport.Model model) {
    List<String> parts = new ArrayList<>();
    model.loss().ifPresent(loss -> parts.add("loss " + Notation.figure(loss)));
    model.imagesPerSecond().ifPresent(rate -> parts.add(Notation.rate(rate) + " images/s"));
    switch (model.state()) {
      case PENDING -> parts.add("waiting");
      case RUNNING ->
          model.etaSeconds().ifPresent(eta -> parts.add(Notation.duration(eta) + " left"));
      case DONE ->
          parts.add(model.reusedFrom().map(from -> "taken over from " + from).orElse("done"));
      case CANCELED -> parts.add("canceled");
      case FAILED ->
          parts.add(
              model
                  .error()
                  .map(error -> "failed: %s: %s".formatted(error.type(), error.message()))
                  .orElse("failed"));
    }
    return String.join(" · ", parts);
  }

  /** The figures of the evaluation, one line per subject; the metric's name is in the title. */
  public static List<String> results(ExperimentReport report) {
    if (report.evaluations().isEmpty()) {
      return List.of();
    }
    String metrics =
        report.evaluations().stream()
            .map(ExperimentReport.Evaluation::metric)
            .distinct()
            .collect(Collectors.joining(", "));
    TextTable table =
        new TextTable(
            "subject",
            metrics,
            Figure.MACS_PER_STEP.title(),
            Figure.PARAMETERS.title(),
            Figure.WEIGHTS.title(),
            Figure.IMAGES_PER_SECOND.title(),
            Figure.PEAK_MEMORY.title());
    for (ExperimentReport.Evaluation evaluation : inOrder(report.evaluations())) {
      table.row(
          evaluation.subject(),
          evaluation.distance().map(Notation::figure).orElse(Notation.NONE),
          evaluation.macsPerStep().map(Notation::count).orElse(Notation.NONE),
          Notation.count((double) evaluation.parameters()),
          evaluation.weightsBytes().map(Notation::bytes).orElse(Notation.NONE),
          Notation.rate(evaluation.imagesPerSecond()),
          evaluation.peakMemoryBytes() > 0
              ? Notation.bytes(evaluation.peakMemoryBytes())
              : Notation.NONE);
    }
    List<String> lines = new ArrayList<>(table.lines());
    lines.addAll(metrics(report));
    inOrder(report.evaluations())
        .forEach(
            evaluation ->
                evaluation
                    .reusedFrom()
                    .ifPresent(
                        from ->
                            lines.add(
                                "The figures of %s are taken over from %s."
                                    .formatted(evaluation.subject(), from))));
    report.warnings().forEach(warning -> lines.add("Warning: " + warning));
    return lines;
  }

  /** The figures beside the Fréchet distance, where there are any. */
  private static List<String> metrics(ExperimentReport report) {
    Map<Boolean, List<Metric>> telling =
        Arrays.stream(Metric.values())
            .filter(metric -> metric != Metric.FRECHET_DISTANCE)
            .filter(metric -> values(report, metric).findAny().isPresent())
            .collect(
                Collectors.partitioningBy(
                    metric -> values(report, metric).anyMatch(value -> value != 0)));
    List<Metric> found = telling.get(true);
    List<Metric> zero = telling.get(false);
    String distanceName =
        report.evaluations().stream()
            .map(ExperimentReport.Evaluation::metric)
            .findFirst()
            .orElse("");
    List<String> lines = new ArrayList<>();
    if (!found.isEmpty()) {
      lines.add("");
      lines.addAll(metricsTable(report, found, distanceName));
    }
    if (!zero.isEmpty()) {
      lines.add(
          "Left out, as it is 0 for every subject: %s."
              .formatted(
                  zero.stream().map(m -> m.label(distanceName)).collect(Collectors.joining(", "))));
    }
    return lines;
  }

  private static Stream<Double> values(ExperimentReport report, Metric metric) {
    return report.evaluations().stream()
        .flatMap(e -> Optional.ofNullable(e.metrics().get(metric.key())).stream());
  }

  private static List<String> metricsTable(
      ExperimentReport report, List<Metric> found, String distanceName) {
    TextTable table =
        new TextTable(
            Stream.concat(Stream.of("subject"), found.stream().map(m -> m.label(distanceName)))
                .toArray(String[]::new));
    for (ExperimentReport.Evaluation evaluation : inOrder(report.evaluations())) {
      table.row(
          Stream.concat(
                  Stream.of(evaluation.subject()),
                  found.stream()
                      .map(
                          metric ->
                              Optional.ofNullable(evaluation.metrics().get(metric.key()))
                                  .map(Notation::figure)
                                  .orElse(Notation.NONE)))
              .toArray(String[]::new));
    }
    return table.lines();
  }

  /** The schedules that no other beats, fewest multiply-accumulates first. */
  public static List<String> frontier(ExperimentReport report) {
    List<ExperimentReport.Schedule> frontier =
        report.schedules().stream()
            .filter(ExperimentReport.Schedule::frontier)
            .sorted(Comparator.comparingDouble(s -> s.macsPerStep().orElse(Double.MAX_VALUE)))
            .toList();
    if (frontier.isEmpty()) {
      return List.of();
    }
    TextTable table =
        new TextTable("schedule", Figure.MACS_PER_STEP.title(), Figure.DISTANCE.title());
    for (ExperimentReport.Schedule schedule : frontier) {
      table.row(
          schedule.owners().stream()
              .map(o -> "%s [%d, %d)".formatted(o.model(), o.low(), o.high()))
              .collect(Collectors.joining(", ")),
          schedule.macsPerStep().map(Notation::count).orElse(Notation.NONE),
          schedule.distance().map(Notation::figure).orElse(Notation.NONE));
    }
    List<String> lines = new ArrayList<>();
    lines.add(
        "frontier of %d schedules, by the %s; these distances compare with one another only"
            .formatted(report.schedules().size(), estimator(frontier.get(0))));
    lines.addAll(table.lines());
    return lines;
  }

  /** What ranked a schedule; a server of another version may name one that is not known here. */
  private static String estimator(ExperimentReport.Schedule schedule) {
    String name = schedule.estimator().orElse(Estimator.FRECHET.name());
    return Arrays.stream(Estimator.values())
        .filter(known -> known.name().equals(name))
        .findFirst()
        .map(Estimator::label)
        .orElse(name);
  }

  /** Teacher first, what was made from it after; subjects not known here last. */
  private static List<ExperimentReport.Evaluation> inOrder(
      List<ExperimentReport.Evaluation> evaluations) {
    return evaluations.stream()
        .sorted(Comparator.comparing(ExperimentReport.Evaluation::subject, Subject.order()))
        .toList();
  }

  /** Each subject's, on one line. */
  static String distances(Map<String, Double> bySubject) {
    return bySubject.entrySet().stream()
        .sorted(Map.Entry.comparingByKey(Subject.order()))
        .map(of -> "%s %s".formatted(of.getKey(), Notation.figure(of.getValue())))
        .collect(Collectors.joining(", "));
  }

  /** All of it. */
  static List<String> full(ExperimentReport report, String apiUrl) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s  %s  %s%s"
            .formatted(
                report.id(),
                report.name(),
                report.stage(),
                report.paused() ? ", paused: ./atelier resume %s".formatted(report.id()) : ""));
    lines.add(
        "created %s%s"
            .formatted(
                TimeText.of(report.createdAt()),
                report.finishedAt().map(at -> ", ended " + TimeText.of(at)).orElse("")));
    report.error().ifPresent(error -> lines.add(error.type() + ": " + error.message()));
    report.dataset().map(ReportText::dataset).ifPresent(lines::add);
    lines.add("");
    lines.addAll(bars(report.models()));
    lines.addAll(WorkText.lines(report));
    cost(report.models()).ifPresent(lines::add);
    List<String> results = results(report);
    if (!results.isEmpty()) {
      lines.add("");
      lines.addAll(results);
    }
    List<String> frontier = frontier(report);
    if (!frontier.isEmpty()) {
      lines.add("");
      lines.addAll(frontier);
    }
    if (!report.artifacts().isEmpty()) {
      lines.add("");
      TextTable files = new TextTable("file", "kind", "size");
      report
          .artifacts()
          .forEach(file -> files.row(file.name(), file.kind(), Notation.bytes(file.bytes())));
      lines.addAll(files.lines());
    }
    lines.add("");
    lines.add("Spec: ./atelier show %s --spec".formatted(report.id()));
    lines.add("API: %s/api/v1/experiments/%s".formatted(apiUrl, report.id()));
    report.links().temporal().ifPresent(url -> lines.add("Temporal Web UI: " + url));
    return lines;
  }

  private static String dataset(DatasetRef dataset) {
    return "%d images of %d × %d pixels%s"
        .formatted(
            dataset.images(),
            dataset.resolution(),
            dataset.resolution(),
            dataset.passedOver().isEmpty()
                ? ""
                : "; passed over: " + PassedOver.sentence(dataset.passedOver()));
  }

  /** What the trainings have cost together, and what of it was spent on repeated steps. */
  static Optional<String> cost(List<ExperimentReport.Model> models) {
    double cpu = models.stream().mapToDouble(m -> m.cpuSeconds().orElse(0.0)).sum();
    double gpu = models.stream().mapToDouble(m -> m.gpuSeconds().orElse(0.0)).sum();
    long repeated = models.stream().mapToLong(m -> m.repeatedSteps().orElse(0L)).sum();
    long kept =
        models.stream().filter(m -> m.cpuSeconds().isPresent()).mapToLong(m -> m.step()).sum();
    if (kept == 0) {
      return Optional.empty();
    }
    return Optional.of(
        "training took %s of CPU time%s; %d steps were trained more than once (%s)"
            .formatted(
                Notation.duration(cpu),
                gpu > 0 ? " and %s on GPUs".formatted(Notation.duration(gpu)) : "",
                repeated,
                Notation.share((double) repeated / (kept + repeated))));
  }

  private static String padded(String text, int width) {
    return text + " ".repeat(width - text.length());
  }
}
