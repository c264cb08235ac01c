package dev.atelier.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "retry",
    description =
        "Train a failed or canceled model again from its last checkpoint; the others stay as they are.")
final class RetryCommand implements Callable<Integer> {

  @Mixin private ExperimentArgument experiment;

  @Parameters(index = "1", paramLabel = "K", description = ModelName.DESCRIPTION)
  private String model;

  @Mixin private ApiOptions connection;

  @Option(names = "--learning-rate", paramLabel = "X", description = "In place of the spec's.")
  private Optional<Double> learningRate;

  @Option(names = "--steps", paramLabel = "N", description = "In place of the spec's.")
  private Optional<Integer> steps;

  @Option(names = "--batch-size", paramLabel = "N", description = "In place of the spec's.")
  private Optional<Integer> batchSize;

  @Option(names = "--warmup-steps", paramLabel = "N", description = "In place of the spec's.")
  private Optional<Integer> warmupSteps;

  @Option(names = "--clip-norm", paramLabel = "X", description = "In place of the spec's.")
  private Optional<Double> clipNorm;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    String id = experiment.id(api);
    String key = ModelName.keyOf(model);
    Map<String, Object> overrides = new LinkedHashMap<>();
    learningRate.ifPresent(value -> overrides.put("learningRate", value));
    steps.ifPresent(value -> overrides.put("steps", value));
    batchSize.ifPresent(value -> overrides.put("batchSize", value));
    warmupSteps.ifPresent(value -> overrides.put("warmupSteps", value));
    clipNorm.ifPresent(value -> overrides.put("clipNorm", value));
    api.retry(id, key, overrides);
    Screen.standard().print("Training %s of %s again.".formatted(key, id));
    return ExitCode.OK;
  }
}
