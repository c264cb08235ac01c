package dev.atelier.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;

/** The {@code atelier} command line: as a program by itself, with what speaks to the API alone. */
@Command(
    name = "atelier",
    version = "atelier 0.1.0",
    description = {
      "One-to-many knowledge distillation of diffusion models as durable workflows.",
      "The launcher knows one more command: test, which builds and runs every test.",
      ""
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

  /** The commands that speak to the API, as help lists them. */
  private static final List<Class<?>> COMMANDS =
      List.of(
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
          WorkersCommand.class,
          ProjectsCommand.class,
          WebhooksCommand.class,
          WhoAmICommand.class,
          TokensCommand.class,
          TokenCommand.class,
          AuditCommand.class);

  private static final List<Class<?>> LAST =
      List.of(CompletionCommand.class, CommandLine.HelpCommand.class);

  private AtelierCli() {}

  public static void main(String[] args) {
    System.exit(run(List.of(), List.of(), args));
  }

  /**
   * Runs one command line and returns one of {@link ExitCodes}.
   *
   * @param first more commands, which help lists before those that speak to the API
   * @param others more commands, which it lists after them
   */
  public static int run(List<Class<?>> first, List<Class<?>> others, String... args) {
    CommandLine commandLine = new CommandLine(new AtelierCli());
    Stream.of(first, COMMANDS, others, LAST)
        .flatMap(List::stream)
        .forEach(commandLine::addSubcommand);
    commandLine
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
