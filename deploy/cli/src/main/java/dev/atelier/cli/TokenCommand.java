package dev.atelier.cli;

import dev.atelier.cli.stack.StackAddress;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "token",
    description = "Print the running local stack's token, or the link that signs a browser in.")
final class TokenCommand implements Callable<Integer> {

  @Mixin private ApiOptions connection;

  @Option(names = "--link", description = "A link of the dashboard that lets one browser in, once.")
  private boolean link;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    Path folder = connection.data();
    StackAddress stack =
        connection
            .localStack()
            .orElseThrow(
                () ->
                    new CommandFailure(
                        ExitCodes.UNAVAILABLE,
                        "No local stack runs in %s: start it with ./atelier up, or name its folder with --data."
                            .formatted(folder)));
    if (link) {
      Screen.standard().print(new AtelierApi(stack.url(), stack.token()).browserLink());
      return ExitCodes.OK;
    }
    Screen.standard()
        .print(
            stack
                .token()
                .orElseThrow(
                    () ->
                        new CommandFailure(
                            "The local stack in %s is open: it asks for no token."
                                .formatted(folder))));
    return ExitCodes.OK;
  }
}
