package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.vocabulary.Notation;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "projects",
    description =
        "Show what projects may have, what they have and what it costs; set their bounds.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      ProjectsCommand.Ls.class,
      ProjectsCommand.Set.class,
      ProjectsCommand.Usage.class
    })
final class ProjectsCommand {

  private static final String NO_BOUND = "none";

  private ProjectsCommand() {}

  @Command(name = "ls", description = "List projects: what each has, of what it may have.")
  static final class Ls implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      JsonNode page = connection.api().projectsDocument();
      if (!output.prints(() -> page)) {
        TextTable table = table();
        page.path("items").forEach(project -> row(table, project));
        Screen.standard().print(table.lines());
      }
      return ExitCodes.OK;
    }
  }

  private static TextTable table() {
    return new TextTable(
        "project", "experiments", "devices", "waiting", "GPU hours", "CPU hours", "stored");
  }

  private static void row(TextTable table, JsonNode project) {
    JsonNode used = project.path("used");
    JsonNode quota = project.path("quota");
    table.row(
        project.path("project").asText(),
        of(used.path("experiments").asText(), quota.path("experimentsWaiting").asText("")),
        of(used.path("devices").asText(), quota.path("devicesAtOnce").asText("")),
        used.path("waiting").asText(),
        of(hours(used.path("gpuHours")), hours(quota.path("gpuHoursPerMonth"))),
        of(hours(used.path("cpuHours")), hours(quota.path("cpuHoursPerMonth"))),
        of(bytes(used.path("storedBytes")), bytes(quota.path("storedBytes"))));
  }

  private static String of(String used, String bound) {
    return bound.isEmpty() ? used : used + " of " + bound;
  }

  private static String hours(JsonNode hours) {
    return hours.isNumber() ? Notation.account(hours.asDouble()) : "";
  }

  private static String bytes(JsonNode bytes) {
    return bytes.isNumber() ? Notation.bytes(bytes.asDouble()) : "";
  }

  @Command(
      name = "set",
      description = "Set bounds of a project; those that are not named stay, and 'none' lifts one.")
  static final class Set implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Parameters(paramLabel = "PROJECT", description = "The project's name.")
    private String project;

    @Option(
        names = "--devices-at-once",
        paramLabel = "N",
        description = "Devices that work for it at once; work beyond waits.")
    private Optional<String> devicesAtOnce = Optional.empty();

    @Option(
        names = "--gpu-hours-per-month",
        paramLabel = "HOURS",
        description = "Hours of GPUs in a month (UTC).")
    private Optional<String> gpuHoursPerMonth = Optional.empty();

    @Option(
        names = "--cpu-hours-per-month",
        paramLabel = "HOURS",
        description = "Hours of workers without a GPU in a month (UTC).")
    private Optional<String> cpuHoursPerMonth = Optional.empty();

    @Option(
        names = "--stored-bytes",
        paramLabel = "BYTES",
        description = "Bytes of checkpoints, files and datasets.")
    private Optional<String> storedBytes = Optional.empty();

    @Option(
        names = "--experiments-waiting",
        paramLabel = "N",
        description = "Experiments that have not ended.")
    private Optional<String> experimentsWaiting = Optional.empty();

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      AtelierApi api = connection.api();
      Map<String, Object> quota = new LinkedHashMap<>();
      api.quotaDocument(project)
          .path("quota")
          .properties()
          .forEach(bound -> quota.put(bound.getKey(), bound.getValue()));
      put(quota, "devicesAtOnce", "--devices-at-once", devicesAtOnce);
      put(quota, "gpuHoursPerMonth", "--gpu-hours-per-month", gpuHoursPerMonth);
      put(quota, "cpuHoursPerMonth", "--cpu-hours-per-month", cpuHoursPerMonth);
      put(quota, "storedBytes", "--stored-bytes", storedBytes);
      put(quota, "experimentsWaiting", "--experiments-waiting", experimentsWaiting);
      JsonNode set = api.setQuota(project, quota);
      if (!output.prints(() -> set)) {
        TextTable table = table();
        row(table, set);
        Screen.standard().print(table.lines());
      }
      return ExitCodes.OK;
    }

    private static void put(
        Map<String, Object> quota, String field, String option, Optional<String> text)
        throws CommandFailure {
      if (text.filter(NO_BOUND::equals).isPresent()) {
        quota.remove(field);
      } else if (text.isPresent()) {
        quota.put(field, number(option, text.get()));
      }
    }

    private static Number number(String option, String text) throws CommandFailure {
      try {
        return text.contains(".") ? (Number) Double.valueOf(text) : (Number) Long.valueOf(text);
      } catch (NumberFormatException e) {
        throw new CommandFailure(
            ExitCodes.USAGE,
            "%s must be a number or 'none', found '%s'.".formatted(option, text),
            e);
      }
    }
  }

  @Command(name = "usage", description = "Show what a project used by month, and what that costs.")
  static final class Usage implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Parameters(paramLabel = "PROJECT", description = "The project's name.")
    private String project;

    @Option(
        names = "--months",
        paramLabel = "N",
        description = "How many months in which it used something, the newest; default: 12.")
    private int months = 12;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      JsonNode page = connection.api().usageDocument(project, months);
      if (!output.prints(() -> page)) {
        TextTable table = new TextTable("month", "GPU hours", "CPU hours", "GiB months", "cost");
        for (JsonNode month : page.path("items")) {
          table.row(
              month.path("month").asText(),
              hours(month.path("gpuHours")),
              hours(month.path("cpuHours")),
              hours(month.path("gibMonths")),
              month.hasNonNull("cost")
                  ? hours(month.path("cost")) + " " + month.path("currency").asText()
                  : Notation.NONE);
        }
        Screen.standard().print(table.lines());
      }
      return ExitCodes.OK;
    }
  }
}
