package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;

@Command(name = "show", description = "Show an experiment: its models, figures and files.")
final class ShowCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;
  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    if (!output.prints(() -> api.showDocument(id))) {
      Screen.standard().print(ReportText.full(api.show(id), api.url()));
    }
    return ExitCode.OK;
  }
}
