package dev.atelier.cli;

import dev.atelier.workflows.vocabulary.Notation;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "export",
    description = "Write an experiment's models, results and sample grids to a folder.")
final class ExportCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;
  @Mixin private ApiOptions connection;

  @Option(
      names = "--to",
      paramLabel = "DIR",
      required = true,
      description = "The folder; files of the same names in it are replaced.")
  private Path directory;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    ExperimentReport report = api.show(experiment.id(api));
    List<ExperimentReport.Artifact> artifacts = report.artifacts();
    if (artifacts.isEmpty()) {
      throw new CommandFailure(
          "Experiment %s has no files%s: it is %s."
              .formatted(report.id(), report.stage().terminal() ? "" : " yet", report.stage()));
    }
    Screen screen = Screen.standard();
    ArtifactFolder folder = new ArtifactFolder(directory);
    for (ExperimentReport.Artifact artifact : artifacts) {
      Path file = folder.fetch(api, artifact);
      screen.print("%s  %s".formatted(file, Notation.bytes(artifact.bytes())));
    }
    return ExitCode.OK;
  }
}
