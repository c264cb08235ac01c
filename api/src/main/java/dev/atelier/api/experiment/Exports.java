package dev.atelier.api.experiment;

import dev.atelier.api.export.Table;
import dev.atelier.api.export.Table.Column;
import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.Sort;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.workflows.vocabulary.Subject;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The lists of experiments as tables, whole and not page by page. */
@ApplicationScoped
class Exports {

  private static final int PAGE = 200;
  private static final int EVENT_PAGE = 1000;
  private static final List<String> SUBJECTS =
      Arrays.stream(Subject.values()).map(Subject::word).toList();

  private final ExperimentService experiments;

  Exports(ExperimentService experiments) {
    this.experiments = experiments;
  }

  /** Every experiment that the query describes. */
  Table experiments(HistoryQuery query, Sort sort) {
    List<Column> columns =
        new ArrayList<>(
            List.of(
                Column.text("id"),
                Column.text("name"),
                Column.text("stage"),
                Column.text("dataset"),
                Column.integer("students"),
                Column.real("p"),
                Column.integer("step"),
                Column.integer("totalSteps")));
    SUBJECTS.forEach(subject -> columns.add(Column.real("distance." + subject)));
    SUBJECTS.forEach(subject -> columns.add(Column.real("macsPerStep." + subject)));
    columns.addAll(
        List.of(
            Column.real("cpuSeconds"),
            Column.real("gpuSeconds"),
            Column.text("labels"),
            Column.text("study"),
            Column.time("createdAt"),
            Column.time("updatedAt"),
            Column.time("finishedAt")));
    Function<Optional<String>, Table.Page<ExperimentSummary>> pageFrom =
        after ->
            experiments.list(query, sort, after.flatMap(text -> Cursor.decode(text, sort)), PAGE);
    return Table.of(columns, Exports::cells, pageFrom);
  }

  private static Object[] cells(ExperimentSummary e) {
    List<Object> cells =
        new ArrayList<>(
            List.of(
                e.id(),
                e.name(),
                e.stage(),
                e.dataset(),
                e.students(),
                e.specificProbability(),
                e.step(),
                e.totalSteps()));
    SUBJECTS.forEach(subject -> cells.add(figure(e.distances(), subject)));
    SUBJECTS.forEach(subject -> cells.add(figure(e.macsPerStep(), subject)));
    cells.addAll(
        List.of(
            e.cpuSeconds(),
            e.gpuSeconds(),
            SpecJson.write(e.labels()),
            e.study(),
            e.createdAt(),
            e.updatedAt(),
            e.finishedAt()));
    return cells.toArray();
  }

  private static Optional<Double> figure(Map<String, Double> figures, String subject) {
    return Optional.ofNullable(figures.get(subject));
  }

  /** A row for each field that differs and each figure, a column for each experiment. */
  Table comparison(Comparison comparison) {
    List<Column> columns = new ArrayList<>(List.of(Column.text("name")));
    comparison.experiments().forEach(experiment -> columns.add(Column.text(experiment.id())));
    return new Table(
        columns,
        sink -> {
          for (List<Comparison.Row> rows :
              List.of(comparison.differences(), comparison.figures())) {
            for (Comparison.Row row : rows) {
              List<Object> cells = new ArrayList<>(List.of(row.name()));
              row.values().forEach(value -> cells.add(Optional.ofNullable(value)));
              sink.row(cells.toArray());
            }
          }
        });
  }

  /** Every event of an experiment, oldest first. */
  Table events(String id) {
    return Table.of(
        EventPage.Event.class,
        after -> experiments.events(id, after.map(Long::parseLong).orElse(0L), EVENT_PAGE));
  }

  /** A row for each point of each curve. */
  Table metrics(MetricSeries curves) {
    return new Table(
        List.of(Column.text("series"), Column.integer("step"), Column.real("value")),
        sink -> {
          for (MetricSeries.Series curve : curves.series()) {
            for (MetricSeries.Point point : curve.points()) {
              sink.row(curve.name(), point.step(), Optional.ofNullable(point.value()));
            }
          }
        });
  }
}
