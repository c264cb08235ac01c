package dev.atelier.cli;

import dev.atelier.local.ApiAccess;
import dev.atelier.local.Ports;
import dev.atelier.local.StackOptions;
import dev.atelier.local.TemporalProgram;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How the local stack is to be. */
final class StackCommandOptions {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      defaultValue = "${sys:user.home}/.atelier",
      description = "Folder for all state, which outlives the stack (${DEFAULT-VALUE}).")
  private Path data;

  @Option(
      names = "--api-port",
      paramLabel = "PORT",
      defaultValue = "8080",
      description = "Of the REST API (${DEFAULT-VALUE}); 0, here and below: any free port.")
  private int apiPort;

  @Option(
      names = "--postgres-port",
      paramLabel = "PORT",
      defaultValue = "5442",
      description = "(${DEFAULT-VALUE})")
  private int postgresPort;

  @Option(
      names = "--s3-port",
      paramLabel = "PORT",
      defaultValue = "9010",
      description = "(${DEFAULT-VALUE})")
  private int s3Port;

  @Option(
      names = "--temporal-port",
      paramLabel = "PORT",
      defaultValue = "7233",
      description = "(${DEFAULT-VALUE})")
  private int temporalPort;

  @Option(
      names = "--temporal-ui-port",
      paramLabel = "PORT",
      defaultValue = "8233",
      description = "(${DEFAULT-VALUE})")
  private int temporalUiPort;

  @Option(names = "--free-ports", description = "Any free port for every server.")
  private boolean freePorts;

  @Option(
      names = "--open",
      description =
          "No token: every user and every program of this machine may do everything over the API.")
  private boolean open;

  @Option(
      names = "--workers",
      paramLabel = "N",
      description = "Processes that train, one model each (2; 1 on a single core).")
  private Optional<Integer> workers;

  @Option(
      names = "--threads-per-worker",
      paramLabel = "N",
      description = "CPU threads of each (the cores, divided among the workers).")
  private Optional<Integer> threadsPerWorker;

  /** What makes another command find this stack: nothing, or the option with its folder. */
  String dataOption() {
    return data.equals(ApiOptions.DATA) ? "" : " --data " + data;
  }

  StackOptions stack() {
    int cores = Runtime.getRuntime().availableProcessors();
    int workerCount = atLeastOne("--workers", workers.orElse(cores >= 2 ? 2 : 1));
    int threads =
        atLeastOne(
            "--threads-per-worker", threadsPerWorker.orElse(Math.max(1, cores / workerCount)));
    return new StackOptions(
        data,
        freePorts
            ? Ports.ANY
            : new Ports(apiPort, postgresPort, s3Port, temporalPort, temporalUiPort),
        workerCount,
        threads,
        TemporalProgram.ofLauncher(),
        open ? ApiAccess.OPEN : ApiAccess.TOKEN);
  }

  private int atLeastOne(String option, int value) {
    if (value < 1) {
      throw new ParameterException(
          command.commandLine(), "%s must be 1 or more, found %d.".formatted(option, value));
    }
    return value;
  }
}
