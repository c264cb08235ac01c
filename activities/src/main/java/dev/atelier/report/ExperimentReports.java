package dev.atelier.report;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.report.ExperimentReport.Event;
import dev.atelier.report.ExperimentReport.LossPoint;
import dev.atelier.report.ExperimentReport.Model;
import dev.atelier.report.XyPlot.Axis;
import dev.atelier.report.XyPlot.Point;
import dev.atelier.report.XyPlot.Scale;
import dev.atelier.report.XyPlot.Series;
import dev.atelier.report.XyPlot.Shape;
import dev.atelier.workflows.vocabulary.EventKind;
import dev.atelier.workflows.vocabulary.Figure;
import dev.atelier.workflows.vocabulary.ModelOrder;
import dev.atelier.workflows.vocabulary.Notation;
import dev.atelier.workflows.vocabulary.Subject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Tables, plots, Markdown and HTML of one experiment. */
public final class ExperimentReports {

  private static final List<String> TROUBLES =
      List.of(EventKind.MODEL_FAILED.word(), EventKind.RETRY.word());
  private static final int UNSMOOTHED_POINTS = 20;
  private static final int WINDOWS_PER_CURVE = 20;

  private ExperimentReports() {}

  /** The report's files: {@code report.md}, {@code report.html} and plots. */
  public static Report render(ExperimentReport experiment) {
    Page page = new Page(experiment.name());
    page.paragraph("Experiment %s.".formatted(experiment.id()));
    List<Event> troubles =
        experiment.events().stream().filter(e -> TROUBLES.contains(e.kind())).toList();
    if (!troubles.isEmpty()) {
      page.warning(
          "Not all went well at once: "
              + troubles.stream()
                  .map(e -> "%s %s %s".formatted(e.kind(), e.model(), e.detail()).strip())
                  .collect(Collectors.joining("; "))
              + ".");
    }
    results(page, experiment);
    if (!experiment.grids().isEmpty()) {
      page.heading("Samples from the same noise");
      page.pictures(
          "samples",
          experiment.grids().stream()
              .sorted(Comparator.comparing(SampleGrid::caption, Subject.order()))
              .toList());
    }
    models(page, experiment);
    page.heading("What was asked for");
    page.paragraph(
        "The spec with its defaults. In a file, it launches the same experiment: ./atelier launch FILE.yaml.");
    page.spec(experiment.spec());
    if (!experiment.found().isEmpty()) {
      page.wordTable(
          List.of("dataset", "found"),
          experiment.found().entrySet().stream()
              .map(e -> List.of(e.getKey(), e.getValue()))
              .toList());
    }
    page.heading("What happened");
    page.wordTable(
        List.of("time", "event", "model", "detail"),
        experiment.events().stream()
            .map(e -> List.of(e.time(), e.kind(), e.model(), e.detail()))
            .toList());
    protocols(page, experiment);
    return page.report(List.of());
  }

  private static void results(Page page, ExperimentReport experiment) {
    List<Evaluation> all = inOrder(experiment.evaluations());
    if (all.isEmpty()) {
      page.paragraph("Nothing has been evaluated.");
      return;
    }
    page.heading("Results");
    if (all.stream().map(Evaluation::protocol).distinct().count() > 1) {
      page.warning(
          "These figures were measured under different protocols, so they don't compare; the protocols are listed at the end.");
    }
    List<String> metrics = all.stream().map(Evaluation::metric).distinct().toList();
    String distance = metrics.size() == 1 ? metrics.get(0) : "distance (various metrics)";
    page.table(
        List.of(
            "subject",
            distance,
            Figure.MACS_PER_STEP.title(),
            Figure.ACCELERATION.title(),
            Figure.PARAMETERS.title(),
            Figure.IMAGES_PER_SECOND.title(),
            Figure.PEAK_MEMORY.title()),
        all.stream()
            .map(
                e ->
                    List.of(
                        e.subject(),
                        Notation.figure(e.distance()),
                        e.macsPerStep().map(Notation::count).orElse(Notation.NONE),
                        acceleration(e, all).map(Notation::factor).orElse(Notation.NONE),
                        Notation.count(e.parameters()),
                        Notation.rate(e.imagesPerSecond()),
                        e.peakMemoryBytes() > 0
                            ? Notation.bytes(e.peakMemoryBytes())
                            : Notation.NONE))
            .toList());
    metrics(page, all);
    List<Series> points =
        all.stream()
            .filter(e -> e.macsPerStep().isPresent())
            .map(
                e ->
                    new Series(
                        e.subject(),
                        Shape.POINTS,
                        List.of(new Point(e.macsPerStep().orElseThrow() / 1e6, e.distance(), 0)),
                        List.of()))
            .toList();
    if (!points.isEmpty()) {
      page.plot(
          "distance-macs",
          new XyPlot(
                  "Distance against cost",
                  new Axis("multiply-accumulates per step and image (10⁶ MACs)", Scale.LINEAR),
                  new Axis(distance, Scale.LINEAR),
                  points)
              .draw(),
          "Distance against multiply-accumulates per step; lower and further left is better.");
    }
  }

  private static List<Evaluation> inOrder(List<Evaluation> evaluations) {
    return evaluations.stream()
        .sorted(Comparator.comparing(Evaluation::subject, Subject.order()))
        .toList();
  }

  /** Every figure but the distance. */
  private static void metrics(Page page, List<Evaluation> all) {
    MetricTable table =
        MetricTable.of(
            all.stream().map(Evaluation::metric).toList(),
            all.stream().map(e -> e.metrics().keySet()).toList());
    if (!table.isEmpty()) {
      page.table(
          table.columns(List.of("subject")),
          all.stream()
              .map(
                  e ->
                      table.row(
                          List.of(e.subject()),
                          e.metrics().entrySet().stream()
                              .collect(
                                  Collectors.toMap(
                                      Map.Entry::getKey, f -> Notation.figure(f.getValue())))))
              .toList());
    }
  }

  /** How many times fewer MACs a step takes than the teacher's, where both are known. */
  static Optional<Double> acceleration(Evaluation subject, List<Evaluation> all) {
    Optional<Double> teacher =
        all.stream()
            .filter(e -> e.subject().equals(Subject.TEACHER.word()))
            .findFirst()
            .flatMap(Evaluation::macsPerStep);
    return teacher.flatMap(t -> subject.macsPerStep().filter(m -> m > 0).map(m -> t / m));
  }

  private static void models(Page page, ExperimentReport experiment) {
    List<Model> models =
        experiment.models().stream()
            .sorted(Comparator.comparing(Model::key, new ModelOrder()))
            .toList();
    page.heading("Models");
    page.table(
        List.of("model", "timesteps", "state", "steps", "parameters", "attempts", "time"),
        models.stream()
            .map(
                m ->
                    List.of(
                        m.key(),
                        "[%d, %d)".formatted(m.low(), m.high()),
                        m.state(),
                        String.valueOf(m.steps()),
                        Notation.count(m.parameters()),
                        String.valueOf(m.attempts()),
                        m.seconds().map(Notation::duration).orElse(Notation.NONE)))
            .toList());
    page.plot(
        "ranges",
        new RangePlot(
                "Who owns which timesteps",
                experiment.timesteps(),
                models.stream().map(m -> new RangePlot.Strip(m.key(), m.low(), m.high())).toList())
            .draw(),
        "The timesteps that each model owns while sampling.");
    List<Series> curves =
        models.stream().filter(m -> !m.loss().isEmpty()).map(ExperimentReports::curve).toList();
    if (!curves.isEmpty()) {
      page.plot(
          "loss",
          new XyPlot(
                  "Training loss",
                  new Axis("training step", Scale.LINEAR),
                  new Axis("loss, weighted sum of its parts", Scale.LOG),
                  curves)
              .draw(),
          "Training loss of each model, smoothed; the measured points are pale behind. Students' losses have a distillation part that the teacher's has not.");
    }
  }

  private static Series curve(Model model) {
    List<Point> raw = model.loss().stream().map(p -> new Point(p.step(), p.loss(), 0)).toList();
    return raw.size() <= UNSMOOTHED_POINTS
        ? new Series(model.key(), Shape.LINE, raw, List.of())
        : new Series(model.key(), Shape.LINE, smoothed(model.loss()), raw);
  }

  /**
   * An exponential moving average over about a twentieth of the curve, without a bias at the start.
   */
  static List<Point> smoothed(List<LossPoint> raw) {
    double keep = 1 - 1.0 / Math.max(1, raw.size() / WINDOWS_PER_CURVE);
    double sum = 0;
    double weight = 0;
    List<Point> smooth = new ArrayList<>();
    for (LossPoint point : raw) {
      if (Double.isFinite(point.loss())) {
        sum = keep * sum + point.loss();
        weight = keep * weight + 1;
      }
      if (weight > 0) {
        smooth.add(new Point(point.step(), sum / weight, 0));
      }
    }
    return smooth;
  }

  private static void protocols(Page page, ExperimentReport experiment) {
    if (!experiment.evaluations().isEmpty()) {
      page.heading("How it was measured");
      page.list(experiment.evaluations().stream().map(Evaluation::protocol).distinct().toList());
    }
  }
}
