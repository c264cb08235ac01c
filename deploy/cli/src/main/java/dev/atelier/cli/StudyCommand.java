package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.StudyStage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "study",
    description = "Sets of experiments that answer one question.",
    subcommands = {
      StudyCommand.Launch.class,
      StudyCommand.Ls.class,
      StudyCommand.Show.class,
      StudyCommand.Watch.class,
      StudyCommand.Report.class,
      StudyCommand.Cancel.class,
      StudyCommand.Delete.class
    },
    synopsisSubcommandLabel = "COMMAND")
final class StudyCommand {

  private StudyCommand() {}

  /** The sizes of the studies that come with Atelier. */
  enum Size {
    SMOKE, // minutes on two cores
    PAPER; // for GPUs

    String folder() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Which study a command is about. */
  static final class StudyArgument {

    @Parameters(
        index = "0",
        paramLabel = "ID",
        description = "The study: its id, the beginning of it, or latest.")
    private String name;

    String id(AtelierApi api) throws CommandFailure, InterruptedException {
      return api.resolveStudy(name);
    }
  }

  @Command(name = "launch", description = "Launch a study and print its id.")
  static final class Launch implements Callable<Integer> {

    @Mixin private ApiOptions connection;

    @Parameters(
        paramLabel = "STUDY",
        description = "A file in YAML or JSON, or the name of a built-in study, such as p-sweep.")
    private String study;

    @Option(
        names = "--size",
        paramLabel = "SIZE",
        defaultValue = "smoke",
        description = "Of a built-in study: smoke or paper (${DEFAULT-VALUE}).")
    private Size size;

    @Option(names = "--wait", description = "Show progress until the study ends.")
    private boolean wait;

    @Option(
        names = "--set",
        paramLabel = "PATH=VALUE",
        mapFallbackValue = "",
        description = "Change a field, such as base.teacher.training.steps=100. May be repeated.")
    private Map<String, String> changes = new LinkedHashMap<>();

    @Option(
        names = "--idempotency-key",
        paramLabel = "KEY",
        description = "Launching again with the same key gives the same study.")
    private Optional<String> idempotencyKey;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      JsonNode launched =
          api.launchStudy(SpecFile.readStudy(file(), changes, Path.of("")), idempotencyKey);
      Screen screen = Screen.standard();
      screen.print(launched.path("id").asText());
      return wait ? watch(api, screen, launched.path("id").asText()) : ExitCode.OK;
    }

    private Path file() throws CommandFailure {
      Path file = Path.of(study);
      if (Files.exists(file)) {
        return file;
      }
      Path folder =
          Path.of(System.getProperty("atelier.home", "."), "studies", size.folder())
              .toAbsolutePath();
      Path builtIn = folder.resolve(study + ".yaml");
      if (!study.contains("/") && Files.exists(builtIn)) {
        requireData(builtIn);
        return builtIn;
      }
      throw new CommandFailure(
          "There is no file '%s' and no built-in study of that name; there are: %s."
              .formatted(study, String.join(", ", names(folder))));
    }

    /** What only the user has must be named before anything starts. */
    private void requireData(Path builtIn) throws CommandFailure {
      Map<String, String> missing = SpecFile.missingFromData(builtIn, changes, Path.of(""));
      if (!missing.isEmpty()) {
        throw new CommandFailure(
            "The study %s wants what only you have: %s. Put it there, or say where a worker finds it: %s."
                .formatted(
                    study,
                    missing.entrySet().stream()
                        .map(m -> "%s (%s)".formatted(m.getValue(), m.getKey()))
                        .collect(Collectors.joining(", ")),
                    missing.keySet().stream()
                        .map("--set %s=PATH"::formatted)
                        .collect(Collectors.joining(" "))));
      }
    }

    private static List<String> names(Path folder) {
      try (Stream<Path> files = Files.list(folder)) {
        return files
            .map(f -> f.getFileName().toString().replaceFirst("\\.yaml$", ""))
            .sorted()
            .toList();
      } catch (IOException e) {
        return List.of();
      }
    }
  }

  @Command(name = "ls", description = "List studies, newest first.")
  static final class Ls implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Option(
        names = "--limit",
        paramLabel = "N",
        defaultValue = "20",
        description = "At most so many (${DEFAULT-VALUE}).")
    private int limit;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      if (output.prints(() -> api.studiesDocument(limit))) {
        return ExitCode.OK;
      }
      TextTable table = new TextTable("id", "name", "stage", "experiments", "created");
      for (StudyList.Item item : api.studies(limit).items()) {
        table.row(
            item.id(),
            item.name(),
            item.stage().toString(),
            "%d/%d".formatted(item.ended(), item.experiments()),
            TimeText.of(item.createdAt()));
      }
      Screen.standard().print(table.lines());
      return ExitCode.OK;
    }
  }

  @Command(name = "show", description = "Show a study and its experiments.")
  static final class Show implements Callable<Integer> {

    @Mixin private StudyArgument study;
    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      String id = study.id(api);
      if (!output.prints(() -> api.studyDocument(id))) {
        Screen.standard().print(StudyText.full(api.study(id)));
      }
      return ExitCode.OK;
    }
  }

  @Command(
      name = "watch",
      description = "Show a study's progress until it ends; succeeds only if it is DONE.")
  static final class Watch implements Callable<Integer> {

    @Mixin private StudyArgument study;
    @Mixin private ApiOptions connection;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      return watch(api, Screen.standard(), study.id(api));
    }
  }

  @Command(name = "report", description = "Write a study's report to a folder.")
  static final class Report implements Callable<Integer> {

    @Mixin private StudyArgument study;
    @Mixin private ApiOptions connection;

    @Option(
        names = "--to",
        paramLabel = "DIR",
        required = true,
        description = "The folder; files of the same names in it are replaced.")
    private Path directory;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      Study shown = api.study(study.id(api));
      if (shown.artifacts().isEmpty()) {
        throw new CommandFailure(
            "Study %s has no report%s: it is %s."
                .formatted(shown.id(), shown.stage().terminal() ? "" : " yet", shown.stage()));
      }
      ArtifactFolder folder = new ArtifactFolder(directory);
      for (ExperimentReport.Artifact artifact : shown.artifacts()) {
        Screen.standard().print(folder.fetch(api, artifact).toString());
      }
      return ExitCode.OK;
    }
  }

  @Command(name = "cancel", description = "Cancel a study and its experiments.")
  static final class Cancel implements Callable<Integer> {

    @Mixin private StudyArgument study;
    @Mixin private ApiOptions connection;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      String id = study.id(api);
      api.cancelStudy(id);
      Screen.standard().print("Canceling study %s.".formatted(id));
      return ExitCode.OK;
    }
  }

  @Command(name = "delete", description = "Delete a study that has ended, with its experiments.")
  static final class Delete implements Callable<Integer> {

    @Mixin private StudyArgument study;
    @Mixin private ApiOptions connection;

    @Option(names = "--yes", description = "Do it; without this, only say what would be deleted.")
    private boolean yes;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      String id = study.id(api);
      if (!yes) {
        Study found = api.study(id);
        Screen.standard()
            .print(
                "This would delete study %s (%s, %s) with its %d experiments. Say --yes to do it."
                    .formatted(id, found.name(), found.stage(), found.members().size()));
        return ExitCode.OK;
      }
      api.deleteStudy(id);
      Screen.standard().print("Deleted study %s with its experiments.".formatted(id));
      return ExitCode.OK;
    }
  }

  private static int watch(AtelierApi api, Screen screen, String id)
      throws CommandFailure, InterruptedException {
    Study study = new StudyWatch(api, screen).untilEnd(id);
    screen.print(StudyText.full(study));
    return study.stage() == StudyStage.DONE ? ExitCode.OK : ExitCode.SOFTWARE;
  }
}
