package dev.atelier.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "report",
    description = "Say where an experiment's report is, or write it to a file.")
final class ReportCommand implements Callable<Integer> {

  private static final String PAGE = "report.html";

  @Mixin private ExperimentArgument experiment;
  @Mixin private ApiOptions connection;

  @Option(
      names = "--to",
      paramLabel = "FILE",
      description = "Write the page, which holds all that it shows, to this file.")
  private Optional<Path> file = Optional.empty();

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    ExperimentReport shown = api.show(experiment.id(api));
    List<ExperimentReport.Artifact> pages =
        shown.artifacts().stream().filter(a -> a.name().equals(PAGE)).toList();
    if (pages.isEmpty()) {
      throw new CommandFailure(
          shown.stage().terminal()
              ? "Experiment %s has no report: it is %s, and ended before one was written."
                  .formatted(shown.id(), shown.stage())
              : "Experiment %s has no report yet: it is %s, and the report is written before DONE."
                  .formatted(shown.id(), shown.stage()));
    }
    String href = pages.get(0).href();
    Screen screen = Screen.standard();
    if (file.isEmpty()) {
      screen.print(api.url() + href);
      return ExitCode.OK;
    }
    try (InputStream in = api.download(href)) {
      Files.copy(in, file.get(), StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new CommandFailure("Cannot write %s: %s.".formatted(file.get(), e), e);
    }
    screen.print(file.get().toString());
    return ExitCode.OK;
  }
}
