package dev.atelier.cli;

import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;

/** The {@code atelier} program. */
@Command(
    name = "atelier",
    version = "atelier 0.1.0",
    description = {
      "One-to-many knowledge distillation of diffusion models as durable workflows.",
      "The launcher knows one more command: test, which builds and runs every test.",
      ""
    },
    subcommands = {
      DemoCommand.class,
      UpCommand.class,
      LaunchCommand.class,
      ListCommand.class,
      ShowCommand.class,
      WatchCommand.class,
      RetryCommand.class,
      ExtendCommand.class,
      ReplaceCommand.class,
      PauseCommand.class,
      ResumeCommand.class,
      ReevaluateCommand.class,
      CancelCommand.class,
      DeleteCommand.class,
      CompareCommand.class,
      EventsCommand.class,
      LogsCommand.class,
      SamplesCommand.class,
      CheckCommand.class,
      ExportCommand.class,
      ReportCommand.class,
      StudyCommand.class,
      TeachersCommand.class,
      DatasetsCommand.class,
      WebhooksCommand.class,
      WhoAmICommand.class,
      TokensCommand.class,
      TokenCommand.class,
      AuditCommand.class,
      FidCommand.class,
      MetricsCommand.class,
      ProgramCommand.class,
      CompletionCommand.class,
      CommandLine.HelpCommand.class
    },
    mixinStandardHelpOptions = true,
    scope = CommandLine.ScopeType.INHERIT, // --help and --version of every command
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "1:what was asked about did not end well, or anything not below",
      "2:the command line is wrong",
      "3:the API refused the request",
      "4:there is no such experiment, study, model, file or webhook",
      "5:the API or what it needs cannot be reached; later it may",
      "6:the API wants a token, or the token may not do this"
    })
public final class AtelierCli {

  private AtelierCli() {}

  public static void main(String[] args) {
    System.exit(run(args));
  }

  /** Runs one command line and returns one of {@link ExitCodes}. */
  static int run(String... args) {
    CommandLine commandLine =
        new CommandLine(new AtelierCli())
            .setAbbreviatedOptionsAllowed(false)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setExecutionExceptionHandler(AtelierCli::explain);
    if (args.length == 0) {
      commandLine.usage(System.err);
      return ExitCode.USAGE;
    }
    return commandLine.execute(args);
  }

  private static int explain(
      Exception failure, CommandLine commandLine, CommandLine.ParseResult parsed) throws Exception {
    if (!(failure instanceof CommandFailure known)) {
      throw failure;
    }
    PrintWriter err = commandLine.getErr();
    err.println(Printable.lines(failure.getMessage()));
    err.flush();
    return known.exitCode();
  }
}
