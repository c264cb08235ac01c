package dev.atelier.cli;

import dev.atelier.workflows.Stage;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "launch", description = "Launch an experiment and print its id.")
final class LaunchCommand implements Callable<Integer> {

  @Spec private CommandSpec command;
  @Mixin private ApiOptions connection;

  @Parameters(paramLabel = "SPEC", description = "The spec, in YAML or JSON.")
  private Path spec;

  @ArgGroup private Until until = new Until();

  /** How far a launch goes. */
  private static final class Until {
    @Option(names = "--wait", description = "Show progress until the experiment ends.")
    private boolean wait;

    @Option(
        names = "--dry-run",
        description = "Launch nothing: check the spec, and say what it would take.")
    private boolean dryRun;
  }

  @Option(
      names = "--set",
      paramLabel = "PATH=VALUE",
      mapFallbackValue = "",
      description = "Change a field, such as teacher.training.steps=100. May be repeated.")
  private Map<String, String> changes = new LinkedHashMap<>();

  @Option(
      names = "--idempotency-key",
      paramLabel = "KEY",
      description = "Launching again with the same key gives the same experiment.")
  private Optional<String> idempotencyKey;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    Screen screen = Screen.standard();
    String yaml = SpecFile.read(spec, changes, Path.of(""));
    if (until.dryRun) {
      LaunchEstimate estimate = api.estimate(yaml);
      screen.print(EstimateText.full(estimate));
      warn(estimate.warnings());
      return ExitCode.OK;
    }
    AtelierApi.Launched launched = api.launch(yaml, idempotencyKey);
    String id = launched.id();
    screen.print(id);
    warn(launched.warnings());
    if (!until.wait) {
      return ExitCode.OK;
    }
    ExperimentReport report = new ExperimentWatch(api, screen).untilEnd(id);
    screen.print(ReportText.full(report, api.url()));
    return report.stage() == Stage.DONE ? ExitCode.OK : ExitCode.SOFTWARE;
  }

  private void warn(List<String> warnings) {
    warnings.forEach(warning -> command.commandLine().getErr().println("Warning: " + warning));
  }
}
