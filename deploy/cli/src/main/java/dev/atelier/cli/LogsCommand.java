package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
    name = "logs",
    description = {
      "Show what happened to one model of an experiment, and what workers logged about it.",
      "The workers' lines are those in the folder of the local stack; elsewhere look for the",
      "experiment's id (experimentId in JSON logs) where your logs are kept."
    })
final class LogsCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;

  @Parameters(index = "1", paramLabel = "K", description = ModelName.DESCRIPTION)
  private String model;

  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    String key = ModelName.keyOf(model);
    JsonNode events = api.events(id, java.util.Optional.of(key));
    if (events.isEmpty() && !api.has(id, key)) {
      throw new CommandFailure(
          ExitCodes.NOT_FOUND, "Experiment %s has no model '%s'.".formatted(id, key));
    }
    Screen screen = Screen.standard();
    screen.print(EventsCommand.table(events).lines());
    lines(id, key).forEach(screen::print);
    return ExitCodes.OK;
  }

  /** Lines that name both, each with the lines of its stack trace. */
  private List<String> lines(String id, String key) throws CommandFailure {
    Path logs = connection.data().resolve("logs");
    if (!Files.isDirectory(logs)) {
      return List.of(
          "No logs of workers here: there is no folder %s. Of a local stack elsewhere, name its folder with --data."
              .formatted(logs));
    }
    List<String> found = new ArrayList<>();
    try (Stream<Path> files = Files.list(logs)) {
      for (Path file :
          files.filter(f -> f.getFileName().toString().startsWith("worker")).sorted().toList()) {
        boolean belongs = false;
        for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
          boolean begins = !line.isEmpty() && "0123456789{".indexOf(line.charAt(0)) >= 0;
          belongs = begins ? line.contains(id) && line.contains(key) : belongs;
          if (belongs) {
            found.add("%s  %s".formatted(file.getFileName(), line));
          }
        }
      }
    } catch (IOException e) {
      throw new CommandFailure("Cannot read the logs in %s: %s.".formatted(logs, e), e);
    }
    return found.isEmpty()
        ? List.of("The workers' logs in %s say nothing about %s of %s.".formatted(logs, key, id))
        : found;
  }
}
