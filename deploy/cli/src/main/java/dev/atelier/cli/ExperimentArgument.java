package dev.atelier.cli;

import picocli.CommandLine.Parameters;

/** Which experiment a command is about. */
final class ExperimentArgument {

  @Parameters(
      index = "0",
      paramLabel = "ID",
      description = "The experiment: its id, the beginning of it, or latest.")
  private String name;

  String id(AtelierApi api) throws CommandFailure, InterruptedException {
    return api.resolve(name);
  }
}
