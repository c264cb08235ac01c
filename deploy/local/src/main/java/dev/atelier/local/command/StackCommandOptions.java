package dev.atelier.local.command;

import dev.atelier.cli.ApiOptions;
import dev.atelier.local.ApiAccess;
import dev.atelier.local.ApiProgram;
import dev.atelier.local.Ports;
import dev.atelier.local.StackOptions;
import dev.atelier.local.TemporalProgram;
import dev.atelier.workflows.connection.PayloadKeys;
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
      description = "Of the REST API (8080); 0, here and below: any free port.")
  private Optional<Integer> apiPort;

  @Option(names = "--postgres-port", paramLabel = "PORT", description = "(5442)")
  private Optional<Integer> postgresPort;

  @Option(names = "--s3-port", paramLabel = "PORT", description = "(9010)")
  private Optional<Integer> s3Port;

  @Option(names = "--temporal-port", paramLabel = "PORT", description = "(7233)")
  private Optional<Integer> temporalPort;

  @Option(names = "--temporal-ui-port", paramLabel = "PORT", description = "(8233)")
  private Optional<Integer> temporalUiPort;

  @Option(
      names = "--free-ports",
      description = "Any free port for every server whose own is not given.")
  private boolean freePorts;

  @Option(
      names = "--open",
      description =
          "No token: every user and every program of this machine may do everything over the API.")
  private boolean open;

  @Option(
      names = "--dev",
      description =
          "Serve the API and the dashboard from their sources: what is changed there shows at the next request.")
  private boolean dev;

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

  @Option(
      names = "--codec-keys",
      paramLabel = "FILE",
      description =
          "Keys that encrypt what Temporal keeps of workflows: lines of an id and 32 bytes in Base64, the first encrypts.")
  private Optional<Path> codecKeys;

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
        ports(),
        workerCount,
        threads,
        TemporalProgram.ofLauncher(),
        open ? ApiAccess.OPEN : ApiAccess.TOKEN,
        dev ? ApiProgram.SOURCES : ApiProgram.BUILT,
        keys());
  }

  /** Looked into before anything starts. */
  private Optional<Path> keys() {
    try {
      codecKeys.ifPresent(file -> PayloadKeys.read("--codec-keys", file));
      return codecKeys;
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage(), e);
    }
  }

  private Ports ports() {
    Ports others = freePorts ? Ports.ANY : Ports.DEFAULTS;
    return new Ports(
        apiPort.orElse(others.api()),
        postgresPort.orElse(others.postgres()),
        s3Port.orElse(others.s3()),
        temporalPort.orElse(others.temporal()),
        temporalUiPort.orElse(others.temporalUi()));
  }

  private int atLeastOne(String option, int value) {
    if (value < 1) {
      throw new ParameterException(
          command.commandLine(), "%s must be 1 or more, found %d.".formatted(option, value));
    }
    return value;
  }
}
