package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "show", description = "Show an experiment: its models, figures and files.")
final class ShowCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;
  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;

  @Option(
      names = "--spec",
      description = "Print its spec alone, as the YAML that launches the same experiment.")
  private boolean spec;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    if (spec) {
      Screen.standard().printText(SpecFile.yaml(api.show(id).spec()));
      return ExitCode.OK;
    }
    if (!output.prints(() -> api.showDocument(id))) {
      Screen.standard().print(ReportText.full(api.show(id), api.url()));
    }
    return ExitCode.OK;
  }
}
