package dev.atelier.cli;

import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "replace", description = "Train a student anew from step 0 with other settings.")
final class ReplaceCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;

  @Parameters(index = "1", paramLabel = "K", description = ModelName.DESCRIPTION)
  private String model;

  @Option(
      names = "--set",
      paramLabel = "FIELD=VALUE",
      required = true,
      description =
          "A setting that changes, such as network.channels=64 or training.learningRate=1e-4; may be repeated.")
  private Map<String, String> changes;

  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    String key = ModelName.keyOf(model);
    api.replace(id, key, SpecFile.of(changes));
    Screen.standard().print("Training %s of %s anew.".formatted(key, id));
    return ExitCode.OK;
  }
}
