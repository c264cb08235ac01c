package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "delete",
    description = "Delete an experiment that has ended, with its curves, checkpoints and files.")
final class DeleteCommand implements Callable<Integer> {

  @Mixin private ApiOptions connection;
  @Mixin private ExperimentArgument experiment;

  @Option(names = "--yes", description = "Do it; without this, only say what would be deleted.")
  private boolean yes;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    if (!yes) {
      ExperimentReport found = api.show(id);
      Screen.standard()
          .print(
              "This would delete experiment %s (%s, %s) with %d models and %d files. Say --yes to do it."
                  .formatted(
                      id,
                      found.name(),
                      found.stage(),
                      found.models().size(),
                      found.artifacts().size()));
      return ExitCode.OK;
    }
    api.delete(id);
    Screen.standard().print("Deleted experiment %s.".formatted(id));
    return ExitCode.OK;
  }
}
