package dev.atelier.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "samples",
    description = "Fetch an experiment's sample grids, all from the same noise.")
final class SamplesCommand implements Callable<Integer> {

  private static final String PREFIX = "samples-";

  @Mixin private ExperimentArgument experiment;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "SUBJECT",
      description = "Such as teacher, one-to-one or o2mkd; without it, every grid.")
  private Optional<String> subject = Optional.empty();

  @Mixin private ApiOptions connection;

  @Option(
      names = "--to",
      paramLabel = "DIR",
      description = "Folder that they are written to (atelier-samples-<id>).")
  private Optional<Path> directory = Optional.empty();

  @Option(names = "--open", description = "Show them with this desktop's program for images.")
  private boolean open;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    ExperimentReport report = api.show(experiment.id(api));
    List<ExperimentReport.Artifact> grids =
        report.artifacts().stream().filter(a -> a.name().startsWith(PREFIX)).toList();
    List<ExperimentReport.Artifact> wanted =
        grids.stream()
            .filter(a -> subject.isEmpty() || a.name().equals(PREFIX + subject.get() + ".png"))
            .toList();
    if (wanted.isEmpty()) {
      throw new CommandFailure(
          ExitCodes.NOT_FOUND,
          grids.isEmpty()
              ? "Experiment %s has no samples%s: it is %s."
                  .formatted(report.id(), report.stage().terminal() ? "" : " yet", report.stage())
              : "Experiment %s has no samples of '%s'; it has: %s."
                  .formatted(
                      report.id(),
                      subject.orElse(""),
                      String.join(
                          ", ",
                          grids.stream()
                              .map(a -> a.name().replaceAll("^samples-|\\.png$", ""))
                              .toList())));
    }
    ArtifactFolder folder =
        new ArtifactFolder(directory.orElse(Path.of("atelier-samples-" + report.id())));
    for (ExperimentReport.Artifact grid : wanted) {
      Path file = folder.fetch(api, grid);
      Screen.standard().print(file.toString());
      if (open) {
        show(file);
      }
    }
    return ExitCodes.OK;
  }

  private static void show(Path file) throws CommandFailure {
    String program =
        System.getProperty("os.name").toLowerCase(java.util.Locale.ROOT).contains("mac")
            ? "open"
            : "xdg-open";
    try {
      new ProcessBuilder(program, file.toString())
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      throw new CommandFailure(
          "%s is there, but cannot be shown: this machine has no '%s'.".formatted(file, program),
          e);
    }
  }
}
