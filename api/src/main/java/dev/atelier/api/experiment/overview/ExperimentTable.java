package dev.atelier.api.experiment.overview;

import dev.atelier.api.export.Table;
import dev.atelier.api.export.Table.Column;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.workflows.vocabulary.Subject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** A list of experiments as a table. */
final class ExperimentTable {

  private static final List<String> SUBJECTS =
      Arrays.stream(Subject.values()).map(Subject::word).toList();

  private ExperimentTable() {}

  /** Of all pages, from the first on. */
  static Table of(Function<Optional<String>, Table.Page<ExperimentSummary>> pageFrom) {
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
    return Table.of(columns, ExperimentTable::cells, pageFrom);
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
}
