package dev.atelier.report;

import dev.atelier.report.StudyReport.Member;
import dev.atelier.store.ExperimentHistory.Evaluation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The figures of a study, the seeds of each point of the grid put together. */
public record StudyTable(List<String> axes, List<Row> rows) {

  /**
   * One subject at one point of the grid.
   *
   * @param values of the axes
   * @param failed experiments of this point without a result
   */
  public record Row(
      List<String> values,
      String subject,
      String metric,
      Spread distance,
      Optional<Double> macsPerStep,
      long parameters,
      Spread imagesPerSecond,
      Spread peakMemoryBytes,
      int failed) {}

  private record Point(List<String> values, String subject, String metric) {}

  public static StudyTable of(StudyReport study) {
    Map<Point, List<Evaluation>> points = new LinkedHashMap<>();
    Map<List<String>, Integer> failed = new LinkedHashMap<>();
    for (Member member : study.members()) {
      if (member.failure().isPresent()) {
        failed.merge(member.values(), 1, Integer::sum);
      }
      for (Evaluation e : member.evaluations()) {
        points
            .computeIfAbsent(
                new Point(member.values(), e.subject(), e.metric()), p -> new ArrayList<>())
            .add(e);
      }
    }
    List<Row> rows = new ArrayList<>();
    points.forEach(
        (point, figures) ->
            rows.add(
                new Row(
                    point.values(),
                    point.subject(),
                    point.metric(),
                    Spread.of(figures.stream().map(Evaluation::distance).toList()),
                    figures.get(0).macsPerStep(),
                    figures.get(0).parameters(),
                    Spread.of(figures.stream().map(Evaluation::imagesPerSecond).toList()),
                    Spread.of(figures.stream().map(e -> (double) e.peakMemoryBytes()).toList()),
                    failed.getOrDefault(point.values(), 0))));
    return new StudyTable(study.axes(), rows);
  }
}
