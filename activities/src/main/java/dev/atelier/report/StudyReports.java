package dev.atelier.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.report.Report.File;
import dev.atelier.report.StudyReport.Member;
import dev.atelier.store.ExperimentHistory.Evaluation;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The report of a study: {@code report.md}, {@code results.csv} and {@code study.json}. */
public final class StudyReports {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private StudyReports() {}

  public static Report render(StudyReport study) {
    return new Report(
        List.of(
            file("report.md", "text/markdown; charset=utf-8", markdown(study)),
            file("results.csv", "text/csv; charset=utf-8", csv(study)),
            file("study.json", "application/json", json(study))));
  }

  private static File file(String name, String contentType, String text) {
    return new File(name, contentType, text.getBytes(StandardCharsets.UTF_8));
  }

  private static String markdown(StudyReport study) {
    StringBuilder text = new StringBuilder("# ").append(escaped(study.name())).append("\n\n");
    if (!study.question().isEmpty()) {
      text.append(escaped(study.question())).append("\n\n");
    }
    long withResult = study.members().stream().filter(m -> !m.evaluations().isEmpty()).count();
    text.append(
        "%d of %d experiments have a result. Figures are means over the seeds, ± their standard deviation.%n%n"
            .formatted(withResult, study.members().size()));
    StudyTable table = StudyTable.of(study);
    List<String> head = new ArrayList<>(table.axes());
    head.addAll(
        List.of("subject", "distance", "seeds", "MACs/step", "parameters", "images/s", "memory"));
    row(text, head);
    row(text, head.stream().map(h -> "---").toList());
    for (StudyTable.Row r : table.rows()) {
      List<String> cells = new ArrayList<>(r.values());
      cells.addAll(
          List.of(
              r.subject(),
              r.distance().toString(),
              Integer.toString(r.distance().count()),
              r.macsPerStep().map(StudyReports::millions).orElse("unknown"),
              millions((double) r.parameters()),
              r.imagesPerSecond().toString(),
              String.format(
                  Locale.ROOT, "%.0f MiB", r.peakMemoryBytes().mean() / (1024.0 * 1024.0))));
      row(text, cells);
    }
    List<String> metrics = table.rows().stream().map(StudyTable.Row::metric).distinct().toList();
    text.append("\nThe distance is ").append(String.join(", ", metrics)).append(".\n");
    List<Member> failed = study.members().stream().filter(m -> m.failure().isPresent()).toList();
    if (!failed.isEmpty()) {
      text.append("\n## Without a result\n\n");
      failed.forEach(
          m ->
              text.append(
                  "- %s, seed %d (%s): %s%n"
                      .formatted(
                          m.experimentId(), m.seed(), m.stage(), escaped(m.failure().orElse("")))));
    }
    return text.toString();
  }

  private static String millions(double value) {
    return String.format(Locale.ROOT, "%.4g M", value / 1e6);
  }

  private static void row(StringBuilder text, List<String> cells) {
    text.append(
        cells.stream().map(StudyReports::escaped).collect(Collectors.joining(" | ", "| ", " |\n")));
  }

  /** Markdown keeps what users wrote as text. */
  private static String escaped(String text) {
    return text.replaceAll("([\\\\`*_{}\\[\\]<>|#])", "\\\\$1").replaceAll("\\s+", " ");
  }

  private static String csv(StudyReport study) {
    List<List<String>> lines = new ArrayList<>();
    lines.add(
        Stream.concat(
                Stream.of("experiment", "seed", "stage"),
                Stream.concat(
                    study.axes().stream(),
                    Stream.of(
                        "subject",
                        "metric",
                        "distance",
                        "macs_per_step",
                        "parameters",
                        "images_per_second",
                        "peak_memory_bytes")))
            .toList());
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

  private static String json(StudyReport study) {
    try {
      return JSON.writeValueAsString(study);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot write the study as JSON.", e);
    }
  }
}
