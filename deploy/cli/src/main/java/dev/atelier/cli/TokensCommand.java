package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "tokens",
    description = "Let programs in: make, list and revoke tokens of the API.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {TokensCommand.Ls.class, TokensCommand.Create.class, TokensCommand.Revoke.class})
final class TokensCommand {

  private TokensCommand() {}

  @Command(name = "ls", description = "List tokens, newest first, without their secrets.")
  static final class Ls implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      JsonNode page = connection.api().tokensDocument();
      if (!output.prints(() -> page)) {
        TextTable table =
            TextTable.toTheLeft(
                "id", "name", "role", "projects", "by", "created", "expires", "revoked");
        for (JsonNode token : page.path("items")) {
          List<String> projects = new ArrayList<>();
          token.path("projects").forEach(project -> projects.add(project.asText()));
          table.row(
              token.path("id").asText(),
              token.path("name").asText(),
              token.path("role").asText(),
              projects.isEmpty() ? "all" : String.join(",", projects),
              token.path("createdBy").asText(),
              token.path("createdAt").asText(),
              token.path("expiresAt").asText("never"),
              token.path("revokedAt").asText("-"));
        }
        Screen.standard().print(table.lines());
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "create", description = "Make a token and print it, which is done this once.")
  static final class Create implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;

    @Parameters(paramLabel = "NAME", description = "What it is for.")
    private String name;

    @Option(
        names = "--role",
        paramLabel = "ROLE",
        required = true,
        description = "viewer, operator or admin.")
    private String role;

    @Option(
        names = "--project",
        paramLabel = "NAME",
        description = "Whose experiments it reaches; may be repeated; none for an admin.")
    private List<String> projects = List.of();

    @Option(
        names = "--expires-in-days",
        paramLabel = "N",
        description = "When it ends; absent: it never does.")
    private Optional<Integer> expiresInDays = Optional.empty();

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      Map<String, Object> token = new LinkedHashMap<>();
      token.put("name", name);
      token.put("role", role);
      token.put("projects", projects);
      expiresInDays.ifPresent(days -> token.put("expiresInDays", days));
      JsonNode made = connection.api().createToken(token);
      if (!output.prints(() -> made)) {
        Screen.standard()
            .print(
                "Made token %s: %s"
                    .formatted(
                        made.path("created").path("id").asText(), made.path("token").asText()));
      }
      return ExitCodes.OK;
    }
  }

  @Command(name = "revoke", description = "Revoke a token: from now on it opens nothing.")
  static final class Revoke implements Callable<Integer> {

    @Mixin private ApiOptions connection;

    @Parameters(paramLabel = "ID", description = "The token's id.")
    private String id;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      connection.api().revokeToken(id);
      Screen.standard().print("Revoked token %s.".formatted(id));
      return ExitCodes.OK;
    }
  }
}
