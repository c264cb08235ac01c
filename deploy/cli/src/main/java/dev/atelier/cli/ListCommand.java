package dev.atelier.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "ls",
    description = "List experiments, newest first unless sorted otherwise.",
    footer = {
      "Conditions and words must all hold: ls 'students=4' 'distance<20' cifar",
      "Fields: name, stage, dataset, students, p, seed, created, updated, finished, study,",
      "distance, macs, distance.teacher, label.<key>, spec.<field>. Operators: = != < <= > >= ~"
    })
final class ListCommand implements Callable<Integer> {

  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;

  @Parameters(
      paramLabel = "CONDITION",
      arity = "0..*",
      description = "Such as students=4, 'distance<20' or a word.")
  private List<String> conditions = List.of();

  @Option(
      names = "--sort",
      paramLabel = "FIELD",
      description = "Such as distance; with - in front the greatest first.")
  private Optional<String> sort;

  @Option(names = "--stage", paramLabel = "STAGE", description = "Such as DONE.")
  private Optional<String> stage;

  @Option(names = "--name", paramLabel = "TEXT", description = "Part of the name.")
  private Optional<String> name;

  @Option(names = "--label", paramLabel = "KEY:VALUE", description = "May be repeated.")
  private List<String> labels = List.of();

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "20",
      description = "At most so many (${DEFAULT-VALUE}).")
  private int limit;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    Map<String, List<String>> filters = new LinkedHashMap<>();
    stage.ifPresent(value -> filters.put("stage", List.of(value)));
    name.ifPresent(value -> filters.put("name", List.of(value)));
    if (!conditions.isEmpty()) {
      filters.put("q", List.of(String.join(" ", conditions)));
    }
    sort.ifPresent(value -> filters.put("sort", List.of(value)));
    filters.put("label", labels);
    filters.put("limit", List.of(Integer.toString(limit)));
    AtelierApi api = connection.api();
    if (output.prints(() -> api.listDocument(filters))) {
      return ExitCodes.OK;
    }
    ExperimentList page = api.list(filters);
    Screen screen = Screen.standard();
    TextTable table =
        new TextTable("id", "name", "stage", "students", "steps", "distances", "created");
    for (ExperimentList.Item item : page.items()) {
      table.row(
          item.id(),
          item.name(),
          item.standing(),
          Integer.toString(item.students()),
          "%d/%d".formatted(item.step(), item.totalSteps()),
          ReportText.distances(item.distances()),
          TimeText.of(item.createdAt()));
    }
    screen.print(table.lines());
    page.warnings().forEach(warning -> screen.print("Warning: " + warning));
    if (page.nextCursor().isPresent()) {
      screen.print("There are more: ask with a larger --limit or a filter.");
    }
    return ExitCode.OK;
  }
}
