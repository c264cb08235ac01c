package dev.atelier.report;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.report.StudyReport.Curve;
import dev.atelier.report.StudyReport.Member;
import dev.atelier.report.StudyReport.Model;
import dev.atelier.report.XyPlot.Axis;
import dev.atelier.report.XyPlot.Point;
import dev.atelier.report.XyPlot.Scale;
import dev.atelier.report.XyPlot.Shape;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.scorecard.ScorecardRow;
import dev.atelier.workflows.vocabulary.Figure;
import dev.atelier.workflows.vocabulary.Notation;
import dev.atelier.workflows.vocabulary.Series;
import dev.atelier.workflows.vocabulary.Subject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What people read of a study: warnings, figures over seeds, sentences on them, plots. */
final class StudyPage {

  private static final String NOT_KNOWN = "not known to us";
  private static final int FEWEST_SEEDS = 3;
  private static final int MOST_OWN_SERIES = 8;

  /** What students learn from, and how hard it pulls. */
  private static final List<Series> SUPERVISION =
      List.of(
          Series.LOSS,
          Series.DIFFUSION_LOSS,
          Series.DISTILLATION_LOSS,
          Series.FEATURE_LOSS,
          Series.GRADIENT_NORM);

  private final StudyReport study;
  private final StudyFiles files;
  private final Page page;
  private final List<StudyTable.Row> rows;
  private final List<Integer> swept; // indices of the axes that have more than one value

  private StudyPage(StudyReport study, StudyFiles files) {
    this.study = study;
    this.files = files;
    this.page = new Page(study.name());
    this.rows = StudyTable.of(study).rows();
    this.swept =
        IntStream.range(0, study.axes().size())
            .filter(
                i -> study.members().stream().map(m -> m.values().get(i)).distinct().count() > 1)
            .boxed()
            .toList();
  }

  static Page of(StudyReport study, StudyFiles files) {
    StudyPage built = new StudyPage(study, files);
    built.write();
    return built.page;
  }

  private void write() {
    if (!study.question().isEmpty()) {
      page.paragraph(study.question());
    }
    long withResult = study.members().stream().filter(m -> !m.evaluations().isEmpty()).count();
    page.paragraph(
        "%d of %d experiments have a result. Figures are means over the seeds, ± their standard deviation."
            .formatted(withResult, study.members().size()));
    warnings();
    scorecard();
    if (!rows.isEmpty()) {
      results();
      distanceAgainstMacs();
      swept.forEach(this::sweep);
      page.heading("Memory");
      page.plot(
          "memory",
          new BarPlot(
                  "Peak memory while sampling",
                  "resident set of the process",
                  bars(StudyTable.Row::peakMemoryBytes, true))
              .draw(),
          "Peak resident set of the process while sampling.");
    }
    stability(
        Series.LOSS, "Standard deviation of the loss over its mean", StudyPage::relativeDeviation);
    stability(
        Series.GRADIENT_NORM,
        "99th percentile of the gradient norm over its mean",
        StudyPage::tail);
    stabilityTable();
    lossOverTimesteps();
    drift();
    samples();
    members();
    asked();
    protocols();
  }

  private void asked() {
    page.heading("What was asked for");
    page.paragraph(
        "The study; what its base leaves out has the default that suits the axes. In a file, it launches the same experiments: ./atelier study launch FILE.yaml.");
    page.spec(SpecYaml.of(study.document()));
  }

  /** Each claim beside what was measured. */
  private void scorecard() {
    if (study.scorecard().isEmpty()) {
      return;
    }
    page.heading("Scorecard");
    page.paragraph(
        "Each claim, its figure, and ours: the mean over the seeds of the same quantity, ± its deviation. A claim holds or not only where the mean is at least a deviation from the bound of its rule, and by 3 seeds or more; one is enough where networks alone decide it.");
    page.wordTable(
        List.of("claim", "its figure", "ours", "seeds", "verdict", "rule", "quantity", "size"),
        study.scorecard().stream()
            .map(
                row ->
                    List.of(
                        row.claim(),
                        row.figure().map(Notation::given).orElse(NOT_KNOWN),
                        row.ours().map(Spread::of).map(Spread::toString).orElse(Notation.NONE),
                        row.ours()
                            .map(ours -> Integer.toString(ours.seeds()))
                            .orElse(Notation.NONE),
                        row.verdict().title(),
                        row.rule(),
                        row.quantity(),
                        row.size().map(ScorecardRow.Size::text).orElse(Notation.NONE)))
            .toList());
  }

  /** Spread, tails and outliers of every kind of supervision, over students and seeds. */
  private void stabilityTable() {
    List<List<String>> cells = new ArrayList<>();
    students()
        .forEach(
            (values, models) -> {
              for (Series curve : SUPERVISION) {
                List<Curve> series = curves(models, curve.word());
                if (!series.isEmpty()) {
                  List<Curve> outliers = curves(models, curve.outliers());
                  cells.add(
                      Stream.concat(
                              values.stream(),
                              Stream.of(
                                  curve.word().replace('_', ' '),
                                  mean(series, Curve::mean),
                                  mean(series, StudyPage::relativeDeviation),
                                  mean(series, StudyPage::tail),
                                  mean(series, x -> x.max() / x.mean()),
                                  outliers.isEmpty() ? Notation.NONE : mean(outliers, Curve::mean)))
                          .toList());
                }
              }
            });
    if (cells.isEmpty()) {
      return;
    }
    List<String> columns = new ArrayList<>(study.axes());
    columns.addAll(
        List.of(
            "of the students' training",
            "mean",
            "deviation / mean",
            "99th percentile / mean",
            "largest / mean",
            "outlier steps per point"));
    page.heading("Stability of the supervision");
    page.wordTable(columns, cells);
  }

  private static String mean(List<Curve> series, ToDoubleFunction<Curve> figure) {
    return Notation.figure(series.stream().mapToDouble(figure).average().orElseThrow());
  }

  /** Curves by that name that are not zero throughout. */
  private static List<Curve> curves(List<Model> models, String name) {
    return models.stream()
        .flatMap(m -> Optional.ofNullable(m.series().get(name)).stream())
        .filter(curve -> curve.mean() > 0)
        .toList();
  }

  /** The trained students by the values of the axes. */
  private Map<List<String>, List<Model>> students() {
    Map<List<String>, List<Model>> students = new LinkedHashMap<>();
    for (Member member : study.members()) {
      for (Model model : member.models()) {
        if (!model.key().equals(ModelKey.TEACHER)) {
          students.computeIfAbsent(member.values(), v -> new ArrayList<>()).add(model);
        }
      }
    }
    return students;
  }

  /** The diffusion loss of each tenth of [0, T), of the models that own its middle. */
  private void lossOverTimesteps() {
    Map<String, List<Model>> models = new LinkedHashMap<>();
    for (Member member : study.members()) {
      for (Model model : member.models()) {
        boolean teacher = model.key().equals(ModelKey.TEACHER);
        String at = point(member.values(), -1);
        String name = teacher ? "teacher" : at.isEmpty() ? "students" : at;
        models.computeIfAbsent(name, n -> new ArrayList<>()).add(model);
      }
    }
    int timesteps =
        models.values().stream().flatMap(List::stream).mapToInt(Model::rangeHigh).max().orElse(0);
    Map<String, List<Point>> curves = new LinkedHashMap<>();
    models.forEach((name, all) -> curves.put(name, lossOverTimesteps(all, timesteps)));
    curves.values().removeIf(List::isEmpty);
    if (curves.isEmpty()) {
      return;
    }
    page.heading("Loss over timesteps");
    page.plot(
        "loss-timesteps",
        new XyPlot(
                "Diffusion loss over timesteps",
                new Axis("timestep t (0: nearly clean)", Scale.LINEAR),
                new Axis("diffusion loss", Scale.LOG),
                series(curves, Shape.LINE_WITH_POINTS))
            .draw(),
        "Mean diffusion loss while training, without the first quarter of the steps, in each tenth of [0, T): of the models that own its middle. Bars: one standard deviation over seeds.");
  }

  private static List<Point> lossOverTimesteps(List<Model> models, int timesteps) {
    List<Point> points = new ArrayList<>();
    for (int tenth = 0; tenth < 10; tenth++) {
      double middle = (tenth + 0.5) * timesteps / 10;
      List<Model> owners =
          models.stream().filter(m -> m.rangeLow() <= middle && middle < m.rangeHigh()).toList();
      List<Double> losses =
          curves(owners, Series.DIFFUSION_LOSS.ofTenth(tenth)).stream().map(Curve::mean).toList();
      if (!losses.isEmpty()) {
        Spread spread = Spread.of(losses);
        points.add(new Point(middle, spread.mean(), spread.deviation()));
      }
    }
    return points;
  }

  /** The curves of the first seed with the cuts that were chosen. */
  private void drift() {
    List<Member> measured =
        firstSeed().stream().filter(m -> files.drift(m.experimentId()).isPresent()).toList();
    if (measured.isEmpty()) {
      return;
    }
    page.heading("Drift over timesteps");
    for (Member m : measured) {
      String point = point(m.values(), -1);
      page.plot(
          "drift-" + m.experimentId(),
          DriftPlot.draw(
              point.isEmpty() ? "Drift" : "Drift, " + point,
              files.drift(m.experimentId()).orElseThrow()),
          "How far the teacher's signal goes from one bin of timesteps to the next, and where the ranges were cut.");
    }
  }

  /** Sample grids of the first seed: the same noise for each. */
  private void samples() {
    List<SampleGrid> grids = new ArrayList<>();
    boolean teacherShown = false;
    for (Member m : firstSeed()) {
      for (Evaluation e : m.evaluations()) {
        boolean teacher = e.subject().equals(Subject.TEACHER.word());
        String point = point(m.values(), -1);
        String caption = teacher || point.isEmpty() ? e.subject() : e.subject() + ", " + point;
        if (!teacher || !teacherShown) {
          files
              .grid(m.experimentId(), e.subject())
              .ifPresent(png -> grids.add(new SampleGrid(caption, png)));
        }
        teacherShown |= teacher;
      }
    }
    if (!grids.isEmpty()) {
      page.heading("Samples");
      page.paragraph("Of the first seed, from the same noise.");
      page.pictures("samples", grids);
    }
  }

  /** One experiment with a result for each point of the grid. */
  private List<Member> firstSeed() {
    Map<List<String>, Member> first = new LinkedHashMap<>();
    study.members().stream()
        .filter(m -> !m.evaluations().isEmpty())
        .forEach(m -> first.putIfAbsent(m.values(), m));
    return List.copyOf(first.values());
  }

  private void warnings() {
    List<Member> failed = study.members().stream().filter(m -> m.failure().isPresent()).toList();
    if (!failed.isEmpty()) {
      page.warning(
          "%d of %d experiments have no result, and the figures below lack them: %s"
              .formatted(
                  failed.size(),
                  study.members().size(),
                  failed.stream()
                      .map(m -> m.experimentId() + ": " + m.failure().orElseThrow())
                      .collect(Collectors.joining(" "))));
    }
    int protocols = protocolsOfAll().size();
    if (protocols > 1) {
      page.warning(
          "These figures were measured under %d different protocols, so a difference between them may not be one between models. The protocols are listed at the end."
              .formatted(protocols));
    }
    if (rows.stream().anyMatch(r -> r.distance().count() < FEWEST_SEEDS)) {
      page.warning(
          "Some figures rest on fewer than 3 seeds: no difference between them is more than an observation.");
    }
  }

  private List<String> protocolsOfAll() {
    return study.members().stream()
        .flatMap(m -> m.evaluations().stream())
        .map(Evaluation::protocol)
        .distinct()
        .toList();
  }

  private void results() {
    page.heading("Results");
    List<String> columns = new ArrayList<>(List.of("subject"));
    columns.addAll(study.axes());
    columns.addAll(
        List.of(
            metric(),
            "seeds",
            Figure.MACS_PER_STEP.title(),
            Figure.ACCELERATION.title(),
            Figure.PARAMETERS.title(),
            Figure.IMAGES_PER_SECOND.title(),
            Figure.PEAK_MEMORY.title()));
    List<List<String>> cells = new ArrayList<>();
    for (StudyTable.Row row : rows) {
      List<String> line = new ArrayList<>(List.of(row.subject()));
      line.addAll(row.values());
      line.addAll(
          List.of(
              row.distance().toString(),
              Integer.toString(row.distance().count()),
              row.macsPerStep().map(Notation::count).orElse(Notation.NONE),
              acceleration(row).map(Notation::factor).orElse(Notation.NONE),
              Notation.count(row.parameters()),
              row.imagesPerSecond().toString(),
              Notation.bytes(row.peakMemoryBytes().mean())));
      cells.add(line);
    }
    page.table(columns, cells);
    metrics();
    List<String> verdicts = verdicts();
    if (!verdicts.isEmpty()) {
      page.paragraph("In words, by %s (lower is better):".formatted(metric()));
      page.list(verdicts);
    }
  }

  /** Every figure but the distance. */
  private void metrics() {
    MetricTable table =
        MetricTable.of(
            rows.stream().map(StudyTable.Row::metric).toList(),
            rows.stream().map(r -> r.metrics().keySet()).toList());
    if (!table.isEmpty()) {
      page.table(
          table.columns(Stream.concat(Stream.of("subject"), study.axes().stream()).toList()),
          rows.stream()
              .map(
                  r ->
                      table.row(
                          Stream.concat(Stream.of(r.subject()), r.values().stream()).toList(),
                          r.metrics().entrySet().stream()
                              .collect(
                                  Collectors.toMap(
                                      Map.Entry::getKey, f -> f.getValue().toString()))))
              .toList());
    }
  }

  /** Against the teacher of the same point of the grid. */
  private Optional<Double> acceleration(StudyTable.Row row) {
    return rowOf(Subject.TEACHER, row.values())
        .flatMap(StudyTable.Row::macsPerStep)
        .flatMap(t -> row.macsPerStep().filter(m -> m > 0).map(m -> t / m));
  }

  private Optional<StudyTable.Row> rowOf(Subject subject, List<String> values) {
    return rows.stream()
        .filter(r -> r.subject().equals(subject.word()))
        .filter(r -> r.values().equals(values) || isEverywhere(r))
        .findFirst();
  }

  private static boolean isEverywhere(StudyTable.Row row) {
    return row.values().contains(StudyTable.ANY);
  }

  private String metric() {
    List<String> metrics = rows.stream().map(StudyTable.Row::metric).distinct().toList();
    return metrics.size() == 1 ? metrics.get(0) : "distance (various metrics)";
  }

  /** Students against the one-to-one student of their point, then the best two points. */
  private List<String> verdicts() {
    if (protocolsOfAll().size() > 1) {
      return List.of(); // a warning says why
    }
    List<String> verdicts = new ArrayList<>();
    for (StudyTable.Row row : rows) {
      boolean reference =
          row.subject().equals(Subject.TEACHER.word())
              || row.subject().equals(Subject.ONE_TO_ONE.word());
      Optional<StudyTable.Row> base = rowOf(Subject.ONE_TO_ONE, row.values());
      if (!reference && base.isPresent()) {
        verdicts.add(verdict(row, base.get()));
      }
    }
    List<StudyTable.Row> best =
        rows.stream()
            .filter(r -> r.subject().equals(Subject.O2MKD.word()))
            .sorted(Comparator.comparingDouble(r -> r.distance().mean()))
            .toList();
    if (best.size() > 1) {
      verdicts.add(
          "The best two of %d points: %s"
              .formatted(best.size(), verdict(best.get(0), best.get(1))));
    }
    return verdicts;
  }

  private String verdict(StudyTable.Row a, StudyTable.Row b) {
    return Spread.verdict(name(a), a.distance(), name(b), b.distance());
  }

  private String name(StudyTable.Row row) {
    String point = point(row.values(), -1);
    return point.isEmpty() ? row.subject() : row.subject() + ", " + point;
  }

  /** The values of the swept axes but {@code without}, by the last part of each axis's name. */
  private String point(List<String> values, int without) {
    return swept.stream()
        .filter(i -> i != without && !values.get(i).equals(StudyTable.ANY))
        .map(i -> study.axes().get(i).replaceFirst(".*\\.", "") + " " + values.get(i))
        .collect(Collectors.joining(", "));
  }

  private void distanceAgainstMacs() {
    List<StudyTable.Row> known = rows.stream().filter(r -> r.macsPerStep().isPresent()).toList();
    if (known.isEmpty()) {
      return;
    }
    Map<String, List<Point>> points = new LinkedHashMap<>();
    for (StudyTable.Row row : known) {
      String name = known.size() > MOST_OWN_SERIES ? row.subject() : name(row);
      points
          .computeIfAbsent(name, n -> new ArrayList<>())
          .add(
              new Point(
                  row.macsPerStep().orElseThrow() / 1e6,
                  row.distance().mean(),
                  row.distance().deviation()));
    }
    page.plot(
        "distance-macs",
        new XyPlot(
                "Distance against cost",
                new Axis("multiply-accumulates per step and image (10⁶ MACs)", Scale.LINEAR),
                new Axis(metric(), Scale.LINEAR),
                series(points, Shape.POINTS))
            .draw(),
        "Distance against multiply-accumulates per step; lower and further left is better. Bars: one standard deviation over seeds.");
  }

  private static List<XyPlot.Series> series(Map<String, List<Point>> points, Shape shape) {
    return points.entrySet().stream()
        .map(e -> new XyPlot.Series(e.getKey(), shape, e.getValue(), List.of()))
        .toList();
  }

  private void sweep(int axis) {
    String name = study.axes().get(axis);
    page.heading("Over " + name);
    boolean numbers =
        rows.stream()
            .filter(r -> !isEverywhere(r))
            .allMatch(r -> r.values().get(axis).matches("-?[0-9]+(\\.[0-9]+)?([eE]-?[0-9]+)?"));
    Svg drawing =
        numbers
            ? new XyPlot(
                    "Distance over " + name,
                    new Axis(name, Scale.LINEAR),
                    new Axis(metric(), Scale.LINEAR),
                    series(lines(axis), Shape.LINE_WITH_POINTS))
                .draw()
            : new BarPlot("Distance over " + name, metric(), bars(StudyTable.Row::distance, false))
                .draw();
    page.plot(
        "over-" + name.replaceAll("[^A-Za-z0-9]+", "-"),
        drawing,
        "%s over %s; lower is better. Bars: one standard deviation over seeds."
            .formatted(metric(), name));
  }

  private Map<String, List<Point>> lines(int axis) {
    Map<String, List<Point>> lines = new LinkedHashMap<>();
    for (StudyTable.Row row : rows.stream().filter(r -> !isEverywhere(r)).toList()) {
      String others = point(row.values(), axis);
      lines
          .computeIfAbsent(
              others.isEmpty() ? row.subject() : row.subject() + ", " + others,
              n -> new ArrayList<>())
          .add(
              new Point(
                  Double.parseDouble(row.values().get(axis)),
                  row.distance().mean(),
                  row.distance().deviation()));
    }
    lines.values().forEach(line -> line.sort(Comparator.comparingDouble(Point::x)));
    List<Double> x = lines.values().stream().flatMap(List::stream).map(Point::x).sorted().toList();
    for (StudyTable.Row row : rows.stream().filter(StudyPage::isEverywhere).toList()) {
      Spread distance = row.distance();
      lines.put(
          row.subject(),
          Stream.of(x.get(0), x.get(x.size() - 1))
              .map(at -> new Point(at, distance.mean(), distance.deviation()))
              .toList());
    }
    return lines;
  }

  private List<BarPlot.Bar> bars(Function<StudyTable.Row, Spread> value, boolean bytes) {
    List<String> subjects = rows.stream().map(StudyTable.Row::subject).distinct().toList();
    List<BarPlot.Bar> bars = new ArrayList<>();
    for (StudyTable.Row row : rows) {
      Spread spread = value.apply(row);
      bars.add(
          new BarPlot.Bar(
              name(row),
              spread.mean(),
              spread.deviation(),
              subjects.indexOf(row.subject()),
              bytes ? Notation.bytes(spread.mean()) : spread.toString()));
    }
    return bars;
  }

  private static double relativeDeviation(Curve series) {
    return series.standardDeviation() / series.mean();
  }

  private static double tail(Curve series) {
    return series.p99() / series.mean();
  }

  /** How calm the students' training was at each point of the grid, over students and seeds. */
  private void stability(Series of, String measure, ToDoubleFunction<Curve> figure) {
    Map<String, List<Double>> points = new LinkedHashMap<>();
    for (Member member : study.members()) {
      for (Model model : member.models()) {
        Curve series = model.series().get(of.word());
        if (series != null && series.mean() > 0 && !model.key().equals(ModelKey.TEACHER)) {
          String at = point(member.values(), -1);
          points
              .computeIfAbsent(at.isEmpty() ? "students" : at, p -> new ArrayList<>())
              .add(figure.applyAsDouble(series));
        }
      }
    }
    if (points.isEmpty()) {
      return;
    }
    List<BarPlot.Bar> bars = new ArrayList<>();
    points.forEach(
        (at, values) -> {
          Spread spread = Spread.of(values);
          bars.add(new BarPlot.Bar(at, spread.mean(), spread.deviation(), 2, spread.toString()));
        });
    page.heading("Stability: " + of.word().replace('_', ' '));
    page.plot(
        "stability-" + of.word(),
        new BarPlot(measure, "ratio, without unit", bars).draw(),
        measure
            + ", after the first quarter of the steps: mean and standard deviation over students and seeds. Lower is calmer.");
  }

  private void members() {
    page.heading("Experiments");
    List<String> columns = new ArrayList<>(List.of("experiment"));
    columns.addAll(study.axes());
    columns.addAll(List.of("seed", "stage", "training", "failure"));
    List<List<String>> cells = new ArrayList<>();
    for (Member member : study.members()) {
      double seconds = member.models().stream().mapToDouble(Model::trainingSeconds).sum();
      List<String> line = new ArrayList<>(List.of(member.experimentId()));
      line.addAll(member.values());
      line.addAll(
          List.of(
              Long.toString(member.seed()),
              member.stage().name(),
              seconds > 0 ? Notation.duration(seconds) : Notation.NONE,
              member.failure().orElse(Notation.NONE)));
      cells.add(line);
    }
    page.wordTable(columns, cells);
  }

  private void protocols() {
    if (!rows.isEmpty()) {
      page.heading("How it was measured");
      page.list(protocolsOfAll());
    }
  }
}
