package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;

@Command(
    name = "pause",
    description = "Pause an experiment: what runs is handed back after a checkpoint.")
final class PauseCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;

  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    api.pause(id);
    Screen.standard().print("Pausing %s; ./atelier resume %s lets it go on.".formatted(id, id));
    return ExitCode.OK;
  }
}
