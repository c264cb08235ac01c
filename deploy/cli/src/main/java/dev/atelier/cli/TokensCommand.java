package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.workflows.vocabulary.Notation;
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
    description =
        "Let programs in: make, list and revoke tokens of the API; --mine: those of your own scripts.",
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {TokensCommand.Ls.class, TokensCommand.Create.class, TokensCommand.Revoke.class})
final class TokensCommand {

  private TokensCommand() {}

  /** Whose tokens are meant. */
  static final class Whose {

    @Option(
        names = "--mine",
        description =
            "Your own tokens, as a person whom the provider lets in; else an admin's view of all.")
    private boolean mine;
  }

  @Command(name = "ls", description = "List tokens, newest first, without their secrets.")
  static final class Ls implements Callable<Integer> {

    @Mixin private ApiOptions connection;
    @Mixin private OutputOption output;
    @Mixin private Whose whose;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      JsonNode page = connection.api().tokensDocument(whose.mine);
      if (!output.prints(() -> page)) {
        TextTable table =
            TextTable.toTheLeft(
                "id", "name", "role", "projects", "by", "created", "expires", "used", "revoked");
        for (JsonNode token : page.path("items")) {
          List<String> projects = new ArrayList<>();
          token.path("projects").forEach(project -> projects.add(project.asText()));
          table.row(
              token.path("id").asText(),
              token.path("name").asText(),
              token.path("role").asText(),
              projects.isEmpty() ? "all" : String.join(",", projects),
              token.path("createdBy").asText(),
              TimeText.of(token.path("createdAt"), Notation.NONE),
              TimeText.of(token.path("expiresAt"), "never"),
              TimeText.of(token.path("lastUsedAt"), "never"),
              TimeText.of(token.path("revokedAt"), Notation.NONE));
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
    @Mixin private Whose whose;

    @Parameters(paramLabel = "NAME", description = "What it is for.")
    private String name;

    @Option(
        names = "--role",
        paramLabel = "ROLE",
        description = "viewer, operator or admin; may be left out with --mine: as yours.")
    private Optional<String> role = Optional.empty();

    @Option(
        names = "--project",
        paramLabel = "NAME",
        description =
            "Whose experiments it reaches; may be repeated; none for an admin, or with --mine: all of yours.")
    private List<String> projects = List.of();

    @Option(
        names = "--expires-in-days",
        paramLabel = "N",
        description = "When it ends; absent: never, or with --mine as late as it may.")
    private Optional<Integer> expiresInDays = Optional.empty();

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      Map<String, Object> token = new LinkedHashMap<>();
      token.put("name", name);
      role.ifPresent(text -> token.put("role", text));
      token.put("projects", projects);
      expiresInDays.ifPresent(days -> token.put("expiresInDays", days));
      JsonNode made = connection.api().createToken(token, whose.mine);
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
    @Mixin private Whose whose;

    @Parameters(paramLabel = "ID", description = "The token's id.")
    private String id;

    @Override
    public Integer call() throws CommandFailure, InterruptedException {
      connection.api().revokeToken(id, whose.mine);
      Screen.standard().print("Revoked token %s.".formatted(id));
      return ExitCodes.OK;
    }
  }
}
