package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "check",
    description = {
      "Compare the object store with the database, both ways.",
      "Ends with 1 if a row has no object, or an object no row and --repair is not given."
    })
final class CheckCommand implements Callable<Integer> {

  private static final long LOOK_EVERY_MILLIS = 500;

  @Mixin private ApiOptions connection;
  @Mixin private OutputOption output;

  @Option(names = "--repair", description = "Remove the objects that no row refers to.")
  private boolean repair;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    AtelierApi api = connection.api();
    JsonNode check = api.startCheck(repair);
    while (check.path("finishedAt").isMissingNode()) {
      Thread.sleep(LOOK_EVERY_MILLIS);
      check = api.check(check.path("id").asLong());
    }
    if (check.hasNonNull("error")) {
      throw new CommandFailure("The check failed: " + check.path("error").asText());
    }
    JsonNode result = check;
    if (!output.prints(() -> result)) {
      print(result);
    }
    boolean orphans = !result.path("orphans").isEmpty() && !repair;
    return orphans || !result.path("missing").isEmpty() ? ExitCodes.FAILED : ExitCodes.OK;
  }

  private void print(JsonNode check) {
    Screen screen = Screen.standard();
    check
        .path("orphans")
        .forEach(
            orphan ->
                screen.print(
                    "%s %s (%d bytes): no row refers to it"
                        .formatted(
                            orphan.path("removed").asBoolean() ? "removed" : "orphan ",
                            orphan.path("key").asText(),
                            orphan.path("bytes").asLong())));
    check
        .path("missing")
        .forEach(
            missing ->
                screen.print(
                    "missing %s of the %s: %s"
                        .formatted(
                            missing.path("key").asText(),
                            missing.path("owner").asText(),
                            missing.path("reason").asText())));
    int orphans = check.path("orphans").size();
    int missing = check.path("missing").size();
    screen.print(
        "%d objects, %d bytes: %d without a row%s, %d rows without their object."
            .formatted(
                check.path("objects").asLong(),
                check.path("bytes").asLong(),
                orphans,
                repair && orphans > 0 ? " (removed)" : "",
                missing));
  }
}
