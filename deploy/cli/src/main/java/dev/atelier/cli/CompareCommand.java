package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.vocabulary.Figure;
import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
    name = "compare",
    description =
        "Show experiments beside one another: where their specs differ, and every figure.")
final class CompareCommand implements Callable<Integer> {

  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;

  @Parameters(
      paramLabel = "ID",
      arity = "2..*",
      description = "The experiments: ids, or the beginnings of ids.")
  private List<String> names;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    List<String> ids = new ArrayList<>();
    for (String name : names) {
      ids.add(api.resolve(name));
    }
    JsonNode comparison = api.compare(ids);
    if (output.prints(() -> comparison)) {
      return ExitCodes.OK;
    }
    List<String> heads = new ArrayList<>(List.of(""));
    List<String> stages = new ArrayList<>(List.of("stage"));
    for (JsonNode experiment : comparison.path("experiments")) {
      heads.add(experiment.path("name").asText());
      stages.add(experiment.path("stage").asText());
    }
    TextTable table = new TextTable(heads.toArray(String[]::new));
    table.row(stages.toArray(String[]::new));
    comparison.path("differences").forEach(row -> table.row(cells(row)));
    for (JsonNode row : comparison.path("figures")) {
      if (!row.path("name")
          .asText()
          .endsWith("." + Metric.FRECHET_DISTANCE.key())) { // the distance
        table.row(figures(row));
      }
    }
    Screen screen = Screen.standard();
    screen.print(table.lines());
    comparison.path("warnings").forEach(warning -> screen.print("Warning: " + warning.asText()));
    return ExitCode.OK;
  }

  /** Of a field of the spec, as it was given. */
  private static String[] cells(JsonNode row) {
    List<String> cells = new ArrayList<>(List.of(row.path("name").asText()));
    for (JsonNode value : row.path("values")) {
      cells.add(
          value.isNull() ? Notation.NONE : value.isTextual() ? value.asText() : value.toString());
    }
    return cells.toArray(String[]::new);
  }

  /** Of a subject's figure, which is known as {@code o2mkd.macsPerStep}. */
  private static String[] figures(JsonNode row) {
    String name = row.path("name").asText();
    String figure = name.substring(name.indexOf('.') + 1);
    List<String> cells = new ArrayList<>(List.of(name));
    for (JsonNode value : row.path("values")) {
      cells.add(value.isNull() ? Notation.NONE : Figure.write(figure, value.asDouble()));
    }
    return cells.toArray(String[]::new);
  }
}
