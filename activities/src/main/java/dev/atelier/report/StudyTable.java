package dev.atelier.report;

import dev.atelier.evaluation.Evaluation;
import dev.atelier.report.StudyReport.Member;
import dev.atelier.workflows.vocabulary.Subject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The figures of a study, the seeds of each point of the grid put together. */
public record StudyTable(List<String> axes, List<Row> rows) {

  /**
   * One subject at one point of the grid.
   *
   * @param values of the axes; {@link #ANY} for a subject that is the same everywhere
   * @param metrics every figure that compares images, by name, over the seeds that have it
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
      Map<String, Spread> metrics,
      int failed) {}

  /** In place of a value: the subject is the same wherever on this axis it is measured. */
  static final String ANY = "any";

  private record Point(List<String> values, String subject, String metric) {}

  public static StudyTable of(StudyReport study) {
    Map<Point, List<Evaluation>> points = new LinkedHashMap<>();
    Map<List<String>, Integer> failed = new LinkedHashMap<>();
    Set<List<Object>> seen = new HashSet<>();
    for (Member member : study.members()) {
      if (member.failure().isPresent()) {
        failed.merge(member.values(), 1, Integer::sum);
      }
      for (Evaluation e : inOrder(member.evaluations())) {
        boolean shared = isShared(study, e.subject());
        Point point =
            new Point(
                shared ? member.values().stream().map(v -> ANY).toList() : member.values(),
                e.subject(),
                e.metric());
        // A shared subject was measured at several points; one figure per seed counts.
        if (seen.add(List.of(point, shared ? member.seed() : member.experimentId()))) {
          points.computeIfAbsent(point, p -> new ArrayList<>()).add(e);
        }
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
                    metrics(figures),
                    failed.getOrDefault(point.values(), 0))));
    return new StudyTable(study.axes(), rows);
  }

  private static List<Evaluation> inOrder(List<Evaluation> evaluations) {
    return evaluations.stream()
        .sorted(Comparator.comparing(Evaluation::subject, Subject.order()))
        .toList();
  }

  private static Map<String, Spread> metrics(List<Evaluation> figures) {
    Map<String, List<Double>> values = new LinkedHashMap<>();
    for (Evaluation e : figures) {
      e.metrics()
          .forEach((key, value) -> values.computeIfAbsent(key, k -> new ArrayList<>()).add(value));
    }
    Map<String, Spread> spreads = new LinkedHashMap<>();
    values.forEach((key, all) -> spreads.put(key, Spread.of(all)));
    return spreads;
  }

  /** Whether a subject has the same distances at every point of the grid, as the teacher often. */
  private static boolean isShared(StudyReport study, String subject) {
    Map<List<String>, Map<Long, Double>> distances = new LinkedHashMap<>(); // by point, then seed
    for (Member member : study.members()) {
      for (Evaluation e : member.evaluations()) {
        if (e.subject().equals(subject)) {
          distances
              .computeIfAbsent(member.values(), v -> new LinkedHashMap<>())
              .put(member.seed(), e.distance());
        }
      }
    }
    return distances.size() > 1 && distances.values().stream().distinct().count() == 1;
  }
}
