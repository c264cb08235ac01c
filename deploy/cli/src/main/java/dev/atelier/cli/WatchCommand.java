package dev.atelier.cli;

import dev.atelier.workflows.Stage;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;

@Command(
    name = "watch",
    description = "Show an experiment's progress until it ends; succeeds only if it is DONE.")
final class WatchCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;
  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    Screen screen = Screen.standard();
    ExperimentReport report = new ExperimentWatch(api, screen).untilEnd(experiment.id(api));
    screen.print(ReportText.full(report, api.url()));
    return report.stage() == Stage.DONE ? ExitCode.OK : ExitCode.SOFTWARE;
  }
}
