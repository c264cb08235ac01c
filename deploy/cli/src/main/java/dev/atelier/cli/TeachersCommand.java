package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "teachers",
    description = "List teachers that are done; -o yaml shows the fields that take one over.")
final class TeachersCommand implements Callable<Integer> {

  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;
  @Mixin private LimitOption limit;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    JsonNode page = connection.api().teachersDocument(limit.value());
    if (!output.prints(() -> page)) {
      Screen.standard().print(table(page).lines());
    }
    return ExitCodes.OK;
  }

  private static TextTable table(JsonNode page) {
    TextTable table =
        new TextTable("id", "name", "steps", "parameters", "distance", "used by", "reusable");
    for (JsonNode teacher : page.path("items")) {
      table.row(
          teacher.path("id").asText(),
          teacher.path("name").asText(),
          teacher.path("step").asText(),
          teacher.hasNonNull("parameters")
              ? Notation.count(teacher.path("parameters").asDouble())
              : Notation.NONE,
          teacher.hasNonNull("distance")
              ? Notation.figure(teacher.path("distance").asDouble())
              : Notation.NONE,
          Integer.toString(teacher.path("usedBy").size()),
          teacher.hasNonNull("use") ? "yes" : "no");
    }
    return table;
  }
}
