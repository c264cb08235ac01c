package dev.atelier.cli;

import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
    name = "cancel",
    description = "Cancel an experiment, or one of its models; checkpoints are kept.")
final class CancelCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "K",
      description =
          "A student to go on without, counted from 1; or one-to-one. Absent: all of the experiment.")
  private Optional<String> model;

  @Mixin private ApiOptions connection;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    if (model.isPresent()) {
      String key = ModelName.keyOf(model.get());
      api.cancelModel(id, key);
      Screen.standard().print("Canceling %s of %s.".formatted(key, id));
    } else {
      api.cancel(id);
      Screen.standard().print("Canceling %s.".formatted(id));
    }
    return ExitCode.OK;
  }
}
