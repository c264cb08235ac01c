package dev.atelier.local.command;

import dev.atelier.cli.AtelierApi;
import dev.atelier.cli.CommandFailure;
import dev.atelier.cli.Screen;
import dev.atelier.local.Endpoints;
import dev.atelier.local.Installation;
import dev.atelier.local.LocalStack;
import dev.atelier.local.StackException;
import dev.atelier.local.StackOptions;
import java.util.ArrayList;
import java.util.List;

/** A local stack that a command runs, and that ends with this process however it ends. */
final class RunningStack implements AutoCloseable {

  private final LocalStack stack;
  private final Endpoints endpoints;
  private final Thread shutdownHook;

  private RunningStack(LocalStack stack, Endpoints endpoints, Thread shutdownHook) {
    this.stack = stack;
    this.endpoints = endpoints;
    this.shutdownHook = shutdownHook;
  }

  static RunningStack start(StackOptions options, Screen screen)
      throws CommandFailure, InterruptedException {
    try {
      LocalStack stack = LocalStack.prepare(options, Installation.ofLauncher(), screen::print);
      Thread hook =
          new Thread(
              () -> {
                screen.keep();
                screen.print("Stopping…");
                stack.close();
              },
              "stop-stack");
      Runtime.getRuntime().addShutdownHook(hook);
      screen.print(
          "Starting the local stack in %s…"
              .formatted(options.dataDirectory().toAbsolutePath().normalize()));
      return new RunningStack(stack, stack.start(), hook);
    } catch (StackException e) {
      throw new CommandFailure(e.getMessage(), e);
    }
  }

  Endpoints endpoints() {
    return endpoints;
  }

  /** Its API, as its owner. */
  AtelierApi api() throws CommandFailure {
    return new AtelierApi(endpoints.api(), endpoints.client().token());
  }

  /** Where everything is, with a fresh link for a browser. */
  List<String> addresses() throws CommandFailure, InterruptedException {
    List<String> lines = new ArrayList<>();
    if (endpoints.client().token().isEmpty()) {
      lines.add("Open (--open): every user and program of this machine may do everything.");
    }
    lines.add("Dashboard        " + api().browserLink());
    lines.add("API              %s/api/v1".formatted(endpoints.api()));
    lines.add("Swagger UI       %s/q/swagger-ui".formatted(endpoints.api()));
    lines.add(
        "Temporal Web UI  "
            + endpoints.temporalWebUi().orElse("none: the in-memory server has none"));
    lines.add("Temporal         " + endpoints.temporalTarget());
    lines.add(
        "Postgres         %s (user %s)"
            .formatted(endpoints.postgresUrl(), endpoints.postgresUser()));
    lines.add(
        "S3               %s (bucket %s)".formatted(endpoints.s3Endpoint(), endpoints.s3Bucket()));
    lines.add("Credentials      " + endpoints.credentials());
    lines.add("Logs             " + endpoints.logs());
    return lines;
  }

  /** Keeps serving until the process is told to end. */
  void serve() throws InterruptedException {
    Thread.currentThread().join();
  }

  @Override
  public void close() {
    stack.close();
    try {
      Runtime.getRuntime().removeShutdownHook(shutdownHook);
    } catch (IllegalStateException e) {
      // Ctrl-C came meanwhile: the hook closes too, which changes nothing
    }
  }
}
