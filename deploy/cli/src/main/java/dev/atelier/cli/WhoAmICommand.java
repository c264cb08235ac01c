package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "whoami", description = "Show who the API takes you for, and what you may reach.")
final class WhoAmICommand implements Callable<Integer> {

  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    JsonNode caller = connection.api().whoAmI();
    if (!output.prints(() -> caller)) {
      List<String> projects = new ArrayList<>();
      caller.path("projects").forEach(project -> projects.add(project.asText()));
      Screen.standard()
          .print(
              "%s, %s of %s"
                  .formatted(
                      caller.path("name").asText(),
                      caller.path("role").asText(),
                      projects.isEmpty() ? "all projects" : String.join(", ", projects)));
    }
    return ExitCodes.OK;
  }
}
