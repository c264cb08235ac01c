package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;

@Command(name = "resume", description = "Let a paused experiment go on from its checkpoints.")
final class ResumeCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;

  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    api.resume(id);
    Screen.standard().print("Resuming %s.".formatted(id));
    return ExitCode.OK;
  }
}
