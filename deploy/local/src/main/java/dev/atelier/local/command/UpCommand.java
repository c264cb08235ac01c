package dev.atelier.local.command;

import dev.atelier.cli.CommandFailure;
import dev.atelier.cli.Screen;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;

@Command(
    name = "up",
    description = "Run the local stack until Ctrl-C: Postgres, S3, Temporal, API, workers.")
final class UpCommand implements Callable<Integer> {

  @Mixin private StackCommandOptions options;

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    Screen screen = Screen.standard();
    RunningStack stack = RunningStack.start(options.stack(), screen);
    screen.print(stack.addresses());
    screen.print(
        "Ready. The dashboard's link lets one browser in, for the other links too (another: ./atelier token --link%1$s). Launch with ./atelier launch SPEC.yaml%1$s; Ctrl-C stops."
            .formatted(options.dataOption()));
    stack.serve();
    return ExitCode.OK;
  }
}
