package dev.atelier.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.report.Report.File;
import dev.atelier.report.StudyReport.Member;
import dev.atelier.report.StudyReport.Model;
import dev.atelier.store.ExperimentHistory.Evaluation;
import dev.atelier.workflows.ModelKey;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The report of a study: {@code report.html}, {@code report.md} with its plots, {@code results.csv}
 * and {@code study.json}.
 */
public final class StudyReports {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private static final int SEEDS_TO_COMPARE = 3;
  private static final List<String> STEADINESS =
      List.of(
          "loss",
          "feature_loss",
          "gradient_norm",
          "max_gradient_norm",
          "loss_outliers"); // series of students

  private final StudyReport study;
  private final StudyTable table;
  private final StudyFiles files;
  private final List<File> pictures = new ArrayList<>();

  private StudyReports(StudyReport study, StudyFiles files) {
    this.study = study;
    this.table = StudyTable.of(study);
    this.files = files;
  }

  public static Report render(StudyReport study, StudyFiles files) {
    return new StudyReports(study, files).render();
  }

  private Report render() {
    String markdown = markdown();
    List<File> all = new ArrayList<>();
    all.add(text("report.html", "text/html", HtmlPage.of(study.name(), markdown, pictures)));
    all.add(text("report.md", "text/markdown", markdown));
    all.add(text("results.csv", "text/csv", csv()));
    all.add(text("study.json", "application/json", json()));
    all.addAll(pictures);
    return new Report(all);
  }

  private static File text(String name, String type, String text) {
    return new File(name, type + "; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
  }

  private String markdown() {
    Markdown text = new Markdown().heading(1, study.name());
    if (!study.question().isEmpty()) {
      text.paragraph(study.question());
    }
    long withResult = study.members().stream().filter(m -> !m.evaluations().isEmpty()).count();
    text.paragraph(
        "%d of %d experiments have a result. Figures are means over the seeds, ± the sample standard deviation."
            .formatted(withResult, study.members().size()));
    warnings(text);
    text.heading(2, "Results");
    results(text);
    verdicts().forEach(text::paragraph);
    plots(text);
    steadiness(text);
    drift(text);
    grids(text);
    experiments(text);
    return text.toString();
  }

  private void warnings(Markdown text) {
    List<String> metrics = table.rows().stream().map(StudyTable.Row::metric).distinct().toList();
    if (metrics.size() > 1) {
      text.warning(
          "The experiments measured different distances, which don't compare: %s."
              .formatted(String.join(", ", metrics)));
    }
    study.members().stream()
        .filter(m -> m.failure().isPresent())
        .forEach(
            m ->
                text.warning(
                    "%s, seed %d, is %s: %s"
                        .formatted(
                            nameOf(m.values()), m.seed(), m.stage(), m.failure().orElse(""))));
  }

  private String nameOf(List<String> values) {
    List<String> parts = new ArrayList<>();
    for (int i = 0; i < values.size(); i++) {
      parts.add(study.axes().get(i) + " " + values.get(i));
    }
    return parts.isEmpty() ? "the experiment" : String.join(", ", parts);
  }

  private void results(Markdown text) {
    List<String> metrics = table.rows().stream().map(StudyTable.Row::metric).distinct().toList();
    List<String> head = new ArrayList<>(table.axes());
    head.addAll(List.of("subject", metrics.size() == 1 ? metrics.get(0) : "distance", "seeds"));
    head.addAll(List.of("MACs per step and image", "parameters", "images/s", "peak memory"));
    text.table(
        head,
        table.rows().stream()
            .map(
                r ->
                    Stream.concat(
                            r.values().stream(),
                            Stream.of(
                                r.subject(),
                                r.distance().toString(),
                                Integer.toString(r.distance().count()),
                                r.macsPerStep().map(Markdown::millions).orElse("unknown"),
                                Markdown.millions((double) r.parameters()),
                                r.imagesPerSecond().toString(),
                                Markdown.mebibytes(r.peakMemoryBytes().mean())))
                        .toList())
            .toList());
  }

  /**
   * The two best points of each subject that the axes change, and whether they can be told apart.
   */
  private List<String> verdicts() {
    return table.rows().stream()
        .map(StudyTable.Row::subject)
        .distinct()
        .filter(subject -> !subject.equals("teacher"))
        .map(this::verdict)
        .flatMap(Optional::stream)
        .toList();
  }

  private Optional<String> verdict(String subject) {
    List<StudyTable.Row> best =
        table.rows().stream()
            .filter(r -> r.subject().equals(subject))
            .sorted(Comparator.comparingDouble(r -> r.distance().mean()))
            .limit(2)
            .toList();
    return best.size() < 2
        ? Optional.empty()
        : Optional.of(
            "%s: lowest for %s (%s), then %s (%s). %s"
                .formatted(
                    subject,
                    nameOf(best.get(0).values()),
                    best.get(0).distance(),
                    nameOf(best.get(1).values()),
                    best.get(1).distance(),
                    comparison(best.get(0).distance(), best.get(1).distance())));
  }

  /** What a difference of two means is worth, in plain words. */
  static String comparison(Spread lower, Spread higher) {
    if (Math.min(lower.count(), higher.count()) < SEEDS_TO_COMPARE) {
      return "With fewer than %d seeds each, nothing is said about the difference."
          .formatted(SEEDS_TO_COMPARE);
    }
    double error =
        Math.sqrt(
            lower.deviation() * lower.deviation() / lower.count()
                + higher.deviation() * higher.deviation() / higher.count());
    double ratio = (higher.mean() - lower.mean()) / error;
    return String.format(
        Locale.ROOT,
        "The difference is %.1f times its standard error: %s.",
        ratio,
        ratio > 3 ? "clear" : ratio > 2 ? "likely" : "not more than chance explains");
  }

  private void plots(Markdown text) {
    String metric = table.rows().stream().map(StudyTable.Row::metric).findFirst().orElse("");
    add(
        text,
        "distance-against-macs.svg",
        "Distance against cost",
        Plot.svg(
            "Distance against cost (lower and further left is better)",
            "million MACs per step and image",
            metric,
            Plot.Style.POINTS,
            costs()));
    for (int axis = 0; axis < study.axes().size(); axis++) {
      add(
          text,
          "distance-against-axis-%d.svg".formatted(axis + 1),
          "Distance against " + study.axes().get(axis),
          Plot.svg(
              "Distance against " + study.axes().get(axis),
              study.axes().get(axis),
              metric,
              Plot.Style.LINES,
              along(axis)));
    }
    add(
        text,
        "distance-against-memory.svg",
        "Distance against memory",
        Plot.svg(
            "Distance against memory",
            "peak memory while sampling, MiB",
            metric,
            Plot.Style.POINTS,
            memory()));
  }

  private void add(Markdown text, String fileName, String description, Optional<byte[]> picture) {
    picture.ifPresent(
        content -> {
          pictures.add(new File(fileName, "image/svg+xml", content));
          text.picture(description, fileName);
        });
  }

  private List<Plot.Series> costs() {
    Map<String, Plot.Series> series = new LinkedHashMap<>();
    for (StudyTable.Row r : table.rows()) {
      r.macsPerStep()
          .ifPresent(
              macs ->
                  series
                      .computeIfAbsent(shortName(r), n -> new Plot.Series(n, new ArrayList<>()))
                      .points()
                      .add(
                          new Plot.Point(
                              macs / 1e6, r.distance().mean(), r.distance().deviation())));
    }
    return List.copyOf(series.values());
  }

  /** The teacher is the same at most points, and is shown once. */
  private static String shortName(StudyTable.Row r) {
    return r.subject().equals("teacher") || r.values().isEmpty()
        ? r.subject()
        : "%s: %s".formatted(r.subject(), String.join(", ", r.values()));
  }

  private List<Plot.Series> memory() {
    return table.rows().stream()
        .filter(r -> !r.subject().equals("teacher"))
        .map(
            r ->
                new Plot.Series(
                    shortName(r),
                    List.of(
                        new Plot.Point(
                            r.peakMemoryBytes().mean() / (1024 * 1024),
                            r.distance().mean(),
                            r.distance().deviation()))))
        .toList();
  }

  /** Distances along an axis of numbers, a line for each subject and the other axes' values. */
  private List<Plot.Series> along(int axis) {
    if (table.rows().stream()
        .anyMatch(r -> !r.values().get(axis).matches("-?[0-9.]+([eE]-?[0-9]+)?"))) {
      return List.of();
    }
    Map<String, Plot.Series> series = new LinkedHashMap<>();
    for (StudyTable.Row r : table.rows()) {
      List<String> others = new ArrayList<>(r.values());
      others.remove(axis);
      String name = others.isEmpty() ? r.subject() : r.subject() + ": " + String.join(", ", others);
      series
          .computeIfAbsent(name, n -> new Plot.Series(n, new ArrayList<>()))
          .points()
          .add(
              new Plot.Point(
                  Double.parseDouble(r.values().get(axis)),
                  r.distance().mean(),
                  r.distance().deviation()));
    }
    series.values().forEach(s -> s.points().sort(Comparator.comparingDouble(Plot.Point::x)));
    return series.values().stream().filter(s -> s.points().size() > 1).toList();
  }

  /** How steady the students' training was: the curves' spread and tails. */
  private void steadiness(Markdown text) {
    Map<List<String>, List<Model>> students = new LinkedHashMap<>();
    for (Member m : study.members()) {
      m.models().stream()
          .filter(model -> !model.key().equals(ModelKey.TEACHER))
          .forEach(
              model -> students.computeIfAbsent(m.values(), v -> new ArrayList<>()).add(model));
    }
    List<List<String>> rows = new ArrayList<>();
    students.forEach(
        (values, models) -> {
          for (String name : STEADINESS) {
            List<StudyReport.Series> curves =
                models.stream()
                    .flatMap(m -> Optional.ofNullable(m.series().get(name)).stream())
                    .toList();
            if (!curves.isEmpty()) {
              rows.add(
                  Stream.concat(
                          values.stream(),
                          Stream.of(
                              name.replace('_', ' '),
                              figure(curves, StudyReport.Series::mean),
                              figure(curves, StudyReport.Series::standardDeviation),
                              figure(curves, StudyReport.Series::p99),
                              figure(curves, StudyReport.Series::max)))
                      .toList());
            }
          }
        });
    if (rows.isEmpty()) {
      return;
    }
    List<String> head = new ArrayList<>(study.axes());
    head.addAll(List.of("curve", "mean", "standard deviation", "99th percentile", "largest"));
    text.heading(2, "Steadiness of the students' training")
        .paragraph(
            "Of each curve without the first quarter of its steps; means over the students and seeds.")
        .table(head, rows);
  }

  private static String figure(
      List<StudyReport.Series> curves,
      java.util.function.ToDoubleFunction<StudyReport.Series> figure) {
    return String.format(
        Locale.ROOT, "%.4g", curves.stream().mapToDouble(figure).average().orElse(0));
  }

  private void drift(Markdown text) {
    for (Member m : firstOfEachPoint()) {
      Optional<DriftPlot> drift = files.drift(m.experimentId()).flatMap(DriftPlot::read);
      drift.ifPresent(
          d -> {
            String name = "drift-%s.svg".formatted(m.experimentId());
            add(
                text,
                name,
                "Drift over timesteps, " + nameOf(m.values()),
                d.svg(nameOf(m.values())));
          });
    }
  }

  /** Samples of the first seed side by side: the same noise for every subject. */
  private void grids(Markdown text) {
    List<String> head = new ArrayList<>();
    List<String> row = new ArrayList<>();
    boolean teacherShown = false;
    for (Member m : firstOfEachPoint()) {
      for (Evaluation e : m.evaluations()) {
        boolean teacher = e.subject().equals("teacher");
        Optional<byte[]> grid =
            teacher && teacherShown ? Optional.empty() : files.grid(m.experimentId(), e.subject());
        if (grid.isPresent()) {
          String name = "samples-%s-%s.png".formatted(m.experimentId(), e.subject());
          pictures.add(new File(name, "image/png", grid.get()));
          head.add(teacher ? "teacher" : "%s, %s".formatted(e.subject(), nameOf(m.values())));
          row.add(Markdown.image(head.get(head.size() - 1), name));
          teacherShown |= teacher;
        }
      }
    }
    if (!row.isEmpty()) {
      text.heading(2, "Samples").paragraph("Of the first seed; the same noise for each.");
      text.rawTable(head, List.of(row));
    }
  }

  private List<Member> firstOfEachPoint() {
    Map<List<String>, Member> first = new LinkedHashMap<>();
    study.members().stream()
        .filter(m -> !m.evaluations().isEmpty())
        .forEach(m -> first.putIfAbsent(m.values(), m));
    return List.copyOf(first.values());
  }

  private void experiments(Markdown text) {
    List<String> head = new ArrayList<>(List.of("experiment"));
    head.addAll(study.axes());
    head.addAll(List.of("seed", "stage", "training, model hours", "models taken over"));
    text.heading(2, "Experiments")
        .table(
            head,
            study.members().stream()
                .map(
                    m ->
                        Stream.of(
                                Stream.of(m.experimentId()),
                                m.values().stream(),
                                Stream.of(
                                    Long.toString(m.seed()),
                                    m.stage().name(),
                                    String.format(
                                        Locale.ROOT,
                                        "%.3f",
                                        m.models().stream()
                                                .mapToDouble(Model::trainingSeconds)
                                                .sum()
                                            / 3600),
                                    Long.toString(
                                        m.models().stream()
                                            .filter(model -> model.reusedFrom().isPresent())
                                            .count())))
                            .flatMap(cells -> cells)
                            .toList())
                .toList());
  }

  private String csv() {
    List<List<String>> lines = new ArrayList<>();
    List<String> head = new ArrayList<>(List.of("experiment", "seed", "stage"));
    head.addAll(study.axes());
    head.addAll(List.of("subject", "metric", "distance", "macs_per_step", "parameters"));
    head.addAll(List.of("images_per_second", "peak_memory_bytes"));
    lines.add(head);
    for (Member member : study.members()) {
      for (Evaluation e : member.evaluations()) {
        List<String> line =
            new ArrayList<>(
                List.of(
                    member.experimentId(), Long.toString(member.seed()), member.stage().name()));
        line.addAll(member.values());
        line.addAll(
            List.of(
                e.subject(),
                e.metric(),
                Double.toString(e.distance()),
                e.macsPerStep().map(Object::toString).orElse(""),
                Long.toString(e.parameters()),
                Double.toString(e.imagesPerSecond()),
                Long.toString(e.peakMemoryBytes())));
        lines.add(line);
      }
    }
    return lines.stream()
        .map(cells -> cells.stream().map(StudyReports::quoted).collect(Collectors.joining(",")))
        .collect(Collectors.joining("\r\n", "", "\r\n"));
  }

  /** RFC 4180. */
  private static String quoted(String cell) {
    return cell.matches("(?s).*[\",\r\n].*") ? '"' + cell.replace("\"", "\"\"") + '"' : cell;
  }

  private String json() {
    try {
      return JSON.writeValueAsString(study);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot write the study as JSON.", e);
    }
  }
}
