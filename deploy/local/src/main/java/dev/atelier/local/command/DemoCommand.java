package dev.atelier.local.command;

import dev.atelier.cli.AtelierApi;
import dev.atelier.cli.CommandFailure;
import dev.atelier.cli.ExperimentReport;
import dev.atelier.cli.ExperimentWatch;
import dev.atelier.cli.ReportText;
import dev.atelier.cli.Screen;
import dev.atelier.cli.SpecFile;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.ArtifactKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "demo",
    description = "Run the local stack and a whole small experiment on it, then keep serving.")
final class DemoCommand implements Callable<Integer> {

  @Mixin private StackCommandOptions options;

  @Option(names = "--exit", description = "Stop after the experiment; succeeds only if it is DONE.")
  private boolean exit;

  @Option(
      names = "--spec",
      paramLabel = "FILE",
      defaultValue = "${sys:atelier.home:-.}/examples/demo.yaml",
      description = "The experiment (examples/demo.yaml).")
  private Path spec;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    Screen screen = Screen.standard();
    String yaml = SpecFile.read(spec, Map.of(), Path.of(""));
    Instant start = Instant.now();
    RunningStack stack = RunningStack.start(options.stack(), screen);
    rememberSeconds("stack", start);
    AtelierApi api = stack.api();
    screen.print(stack.addresses());
    screen.print("");

    Instant launched = Instant.now();
    String id = api.launch(yaml, Optional.empty()).id();
    screen.print("Launched experiment %s from %s.".formatted(id, spec));
    ExperimentReport report = new ExperimentWatch(api, screen).untilEnd(id);
    if (report.models().stream().noneMatch(model -> model.reusedFrom().isPresent())) {
      rememberSeconds("experiment", launched);
    }
    screen.print(ending(report, stack));

    if (exit) {
      stack.close();
      return report.stage() == Stage.DONE ? ExitCode.OK : ExitCode.SOFTWARE;
    }
    screen.print(List.of("", "Still serving; Ctrl-C stops."));
    stack.serve();
    return ExitCode.OK;
  }

  /** Keeps how long a part took, for what the launcher says before the next demo. */
  private static void rememberSeconds(String part, Instant since) {
    Optional.ofNullable(System.getProperty("atelier.seconds"))
        .map(Path::of)
        .ifPresent(
            folder -> {
              try {
                Files.createDirectories(folder);
                Files.writeString(
                    folder.resolve(part),
                    Long.toString(Duration.between(since, Instant.now()).toSeconds()));
              } catch (IOException e) {
                // an estimate less: no reason to say more, nor to stop
              }
            });
  }

  private List<String> ending(ExperimentReport report, RunningStack stack)
      throws CommandFailure, InterruptedException {
    String api = stack.endpoints().api();
    List<String> lines = new ArrayList<>(List.of(""));
    lines.add("Experiment %s is %s.".formatted(report.id(), report.stage()));
    report.error().ifPresent(error -> lines.add(error.type() + ": " + error.message()));
    lines.addAll(ReportText.results(report));
    lines.addAll(ReportText.frontier(report));
    lines.add("");
    lines.add("Experiment       %s/api/v1/experiments/%s".formatted(api, report.id()));
    report.links().temporal().ifPresent(workflow -> lines.add("Workflow         " + workflow));
    report.artifacts().stream()
        .filter(artifact -> artifact.kind().equals(ArtifactKind.GRID.word()))
        .forEach(grid -> lines.add("Sample grid      " + api + grid.href()));
    lines.addAll(stack.addresses());
    if (!exit) {
      lines.add(
          "Export           ./atelier export %s --to DIR%s"
              .formatted(report.id(), options.dataOption()));
    }
    return lines;
  }
}
