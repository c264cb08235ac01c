package dev.atelier.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "extend",
    description =
        "Train a model to more steps in all, from its last checkpoint; also one that is done.")
final class ExtendCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;

  @Parameters(index = "1", paramLabel = "K", description = ModelName.DESCRIPTION)
  private String model;

  @Option(names = "--steps", paramLabel = "N", required = true, description = "Steps in all.")
  private int steps;

  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    String key = ModelName.keyOf(model);
    api.extend(id, key, steps);
    Screen.standard().print("Training %s of %s to %d steps.".formatted(key, id, steps));
    return ExitCode.OK;
  }
}
