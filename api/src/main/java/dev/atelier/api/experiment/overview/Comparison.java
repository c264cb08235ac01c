package dev.atelier.api.experiment.overview;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.export.Table;
import dev.atelier.api.export.Table.Column;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.FormerName;
import dev.atelier.workflows.vocabulary.Figure;
import dev.atelier.workflows.vocabulary.Subject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** Experiments beside one another: where their specs differ, and what came of it. */
public record Comparison(
    @Schema(description = "In the order that was asked for") List<ExperimentSummary> experiments,
    @Schema(description = "Fields of the spec that are not the same in all") List<Row> differences,
    @Schema(description = "Figures of every subject, such as o2mkd.frechetDistance")
        List<Row> figures,
    @Schema(description = "Why the figures don't compare") List<String> warnings) {

  /** One field or figure. */
  public record Row(
      @Schema(examples = "students.count") String name,
      @Schema(
              description = "Of each experiment, in their order; null where there is none",
              implementation = Object[].class)
          @JsonInclude(JsonInclude.Include.ALWAYS)
          List<Object> values) {}

  /** The fields in which the specs differ, as {@code students.training.steps}; names aside. */
  static List<Row> differences(List<ExperimentSpec> specs) {
    List<Map<String, JsonNode>> flat = new ArrayList<>();
    for (ExperimentSpec spec : specs) {
      Map<String, JsonNode> fields = new LinkedHashMap<>();
      flatten("", SpecJson.tree(spec), fields);
      fields.remove("name");
      FormerName.ALL.forEach(name -> fields.remove(name.former()));
      flat.add(fields);
    }
    return rows(flat).stream().filter(row -> new HashSet<>(row.values()).size() > 1).toList();
  }

  /** One row a name that any of the maps has. */
  static List<Row> rows(List<? extends Map<String, ?>> columns) {
    TreeSet<String> names = new TreeSet<>();
    columns.forEach(column -> names.addAll(column.keySet()));
    return names.stream()
        .map(
            name -> {
              List<Object> values = new ArrayList<>(); // may hold null
              columns.forEach(column -> values.add(column.get(name)));
              return new Row(name, values);
            })
        .filter(row -> row.values().stream().anyMatch(Objects::nonNull))
        .toList();
  }

  /** Rows of figures such as {@code o2mkd.distance}, in the order of subjects, then of figures. */
  static List<Row> figures(List<Map<String, Double>> columns) {
    return rows(columns).stream()
        .sorted(
            Comparator.comparing((Row row) -> part(row.name(), 0), Subject.order())
                .thenComparing(row -> part(row.name(), 1), Figure.order()))
        .toList();
  }

  private static String part(String name, int index) {
    return name.split("\\.", 2)[index];
  }

  /** A row for each field that differs and each figure, a column for each experiment. */
  Table table() {
    List<Column> columns = new ArrayList<>(List.of(Column.text("name")));
    experiments.forEach(experiment -> columns.add(Column.text(experiment.id())));
    return new Table(
        columns,
        sink -> {
          for (List<Row> rows : List.of(differences, figures)) {
            for (Row row : rows) {
              List<Object> cells = new ArrayList<>(List.of(row.name()));
              row.values().forEach(value -> cells.add(Optional.ofNullable(value)));
              sink.row(cells.toArray());
            }
          }
        });
  }

  private static void flatten(String path, JsonNode node, Map<String, JsonNode> fields) {
    if (node.isObject()) {
      node.properties()
          .forEach(
              child ->
                  flatten(
                      path.isEmpty() ? child.getKey() : path + "." + child.getKey(),
                      child.getValue(),
                      fields));
    } else if (!node.isNull()) {
      fields.put(path, node);
    }
  }
}
