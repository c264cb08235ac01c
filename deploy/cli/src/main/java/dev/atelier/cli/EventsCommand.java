package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "events", description = "Show what happened to an experiment, oldest first.")
final class EventsCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;
  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;

  @Option(
      names = "--model",
      paramLabel = "K",
      description = "Only of this one. " + ModelName.DESCRIPTION)
  private Optional<String> model = Optional.empty();

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    JsonNode events = api.events(id, model.map(ModelName::keyOf));
    if (!output.prints(() -> events)) {
      Screen.standard().print(table(events).lines());
    }
    return ExitCodes.OK;
  }

  static TextTable table(JsonNode events) {
    TextTable table = TextTable.toTheLeft("at", "event", "model", "detail");
    for (JsonNode event : events) {
      table.row(
          TimeText.moment(event.path("at")),
          event.path("kind").asText(),
          event.path("model").asText(""),
          event.path("detail").asText().replaceAll("\\s+", " "));
    }
    return table;
  }
}
