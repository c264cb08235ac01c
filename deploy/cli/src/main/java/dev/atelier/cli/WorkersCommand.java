package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "workers",
    description = "List the workers: what each serves, on which device, and what it is at.")
final class WorkersCommand implements Callable<Integer> {

  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;
  @Mixin private LimitOption limit;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    JsonNode page = connection.api().workersDocument(limit.value());
    if (!output.prints(() -> page)) {
      Screen.standard().print(table(page).lines());
    }
    return ExitCodes.OK;
  }

  private static TextTable table(JsonNode page) {
    TextTable table =
        new TextTable("name", "seen", "device", "memory", "threads", "queues", "doing");
    for (JsonNode worker : page.path("items")) {
      table.row(
          worker.path("name").asText(),
          worker.path("here").asBoolean()
              ? "now"
              : TimeText.of(worker.path("seenAt"), Notation.NONE),
          worker.path("device").asText(),
          worker.hasNonNull("deviceMemoryBytes")
              ? Notation.bytes(worker.path("deviceMemoryBytes").asDouble())
              : Notation.NONE,
          worker.path("threads").asText(),
          String.join(" ", texts(worker.path("taskQueues"))),
          doing(worker.path("doing")));
    }
    return table;
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(text -> texts.add(text.asText()));
    return texts;
  }

  private static String doing(JsonNode doing) {
    List<String> lines = new ArrayList<>();
    for (JsonNode work : doing) {
      lines.add(
          "%s %s %s since %s"
              .formatted(
                  work.path("activity").asText(),
                  work.path("experiment").asText(""),
                  work.path("model").asText(""),
                  TimeText.of(work.path("since"), Notation.NONE))
              .replaceAll(" +", " "));
    }
    return lines.isEmpty() ? Notation.NONE : String.join("; ", lines);
  }
}
