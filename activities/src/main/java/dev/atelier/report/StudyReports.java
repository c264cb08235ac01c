package dev.atelier.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.report.Report.File;
import dev.atelier.report.StudyReport.Member;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The report of a study: {@code report.md}, {@code report.html}, plots, {@code results.csv} and
 * {@code study.json}.
 */
public final class StudyReports {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new Jdk8Module())
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private StudyReports() {}

  public static Report render(StudyReport study, StudyFiles files) {
    return StudyPage.of(study, files)
        .report(
            List.of(
                file("results.csv", "text/csv; charset=utf-8", csv(study)),
                file("study.json", "application/json", json(study))));
  }

  private static File file(String name, String contentType, String text) {
    return new File(name, contentType, text.getBytes(StandardCharsets.UTF_8));
  }

  private static String csv(StudyReport study) {
    List<String> metrics =
        study.members().stream()
            .flatMap(member -> member.evaluations().stream())
            .flatMap(e -> e.metrics().keySet().stream())
            .distinct()
            .sorted()
            .toList();
    List<List<String>> lines = new ArrayList<>();
    lines.add(
        Stream.concat(
                Stream.of("experiment", "seed", "stage"),
                Stream.concat(
                    study.axes().stream(),
                    Stream.concat(
                        Stream.of(
                            "subject",
                            "metric",
                            "distance",
                            "macs_per_step",
                            "parameters",
                            "images_per_second",
                            "peak_memory_bytes"),
                        metrics.stream().map(key -> "metrics." + key))))
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
        metrics.forEach(
            key ->
                line.add(
                    Optional.ofNullable(e.metrics().get(key)).map(Object::toString).orElse("")));
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
