package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;

@Command(name = "show", description = "Show an experiment: its models, figures and files.")
final class ShowCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;
  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    Screen.standard().print(ReportText.full(api.show(experiment.id(api)), api.url()));
    return ExitCode.OK;
  }
}
