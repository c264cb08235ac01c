package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;

@Command(name = "cancel", description = "Cancel an experiment; its checkpoints are kept.")
final class CancelCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;
  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    api.cancel(id);
    Screen.standard().print("Canceling %s.".formatted(id));
    return ExitCode.OK;
  }
}
