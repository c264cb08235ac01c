package dev.atelier.local.command;

import dev.atelier.cli.AtelierCli;
import java.util.List;

/** The {@code atelier} program: the command line with the local stack and the engine. */
public final class AtelierProgram {

  private AtelierProgram() {}

  public static void main(String[] args) {
    System.exit(run(args));
  }

  /** Runs one command line and returns one of {@link dev.atelier.cli.ExitCodes}. */
  static int run(String... args) {
    return AtelierCli.run(
        List.of(DemoCommand.class, UpCommand.class),
        List.of(
            FidCommand.class, MetricsCommand.class, GenerateCommand.class, ProgramCommand.class),
        args);
  }
}
