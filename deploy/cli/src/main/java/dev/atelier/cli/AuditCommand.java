package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "audit", description = "List who changed what, newest first.")
final class AuditCommand implements Callable<Integer> {

  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;
  @Mixin private LimitOption limit;

  @Option(
      names = "--subject",
      paramLabel = "ID",
      description = "Only of this experiment, study or token.")
  private Optional<String> subject = Optional.empty();

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    JsonNode page = connection.api().auditDocument(subject, limit.value());
    if (!output.prints(() -> page)) {
      TextTable table =
          TextTable.toTheLeft("at", "who", "role", "from", "did", "to", "outcome", "detail");
      for (JsonNode entry : page.path("items")) {
        table.row(
            TimeText.moment(entry.path("at")),
            entry.path("actor").asText(),
            entry.path("role").asText(),
            entry.path("address").asText(),
            entry.path("action").asText(),
            entry.path("subjectId").asText(),
            entry.path("outcome").asText(),
            entry.path("detail").asText());
      }
      Screen.standard().print(table.lines());
    }
    return ExitCodes.OK;
  }
}
