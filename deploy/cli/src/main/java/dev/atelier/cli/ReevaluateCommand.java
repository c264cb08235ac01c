package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;

@Command(
    name = "reevaluate",
    description = "Evaluate again: while it is being done, or when it has failed.")
final class ReevaluateCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;

  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    api.rerunEvaluation(id);
    Screen.standard().print("Evaluating %s again.".formatted(id));
    return ExitCode.OK;
  }
}
