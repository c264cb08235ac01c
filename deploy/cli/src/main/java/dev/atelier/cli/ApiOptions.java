package dev.atelier.cli;

import dev.atelier.cli.stack.RunningStacks;
import dev.atelier.cli.stack.StackAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which API a command talks to, and as whom. */
public final class ApiOptions {

  /** Where the local stack keeps its state unless told otherwise. */
  public static final Path DATA = Path.of(System.getProperty("user.home"), ".atelier");

  private static final String LOCAL = "http://127.0.0.1:8080";

  @Option(
      names = "--url",
      paramLabel = "URL",
      description =
          "The API's address; else ATELIER_URL, else url in ~/.config/atelier/config.properties, else the running local stack's, else "
              + LOCAL
              + ".")
  private Optional<String> url = Optional.empty();

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description =
          "Who you are, where the API asks; else ATELIER_TOKEN, else the local stack's where the address is its, else token in that file. Other users of this machine see options.")
  private Optional<String> token = Optional.empty();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder of the local stack; else that of the running one with the API's address; else ~/.atelier, or if none runs there, that of the only one that you run.")
  private Optional<Path> data = Optional.empty();

  AtelierApi api() throws CommandFailure {
    UserSettings settings = UserSettings.ofUser();
    Optional<StackAddress> stack = localStack();
    String address = named(settings).or(() -> stack.map(StackAddress::url)).orElse(LOCAL);
    return new AtelierApi(address, token(address, settings, stack));
  }

  /** The local stack's token goes to that stack alone. */
  private Optional<String> token(
      String address, UserSettings settings, Optional<StackAddress> stack) throws CommandFailure {
    Optional<String> given = token.isPresent() ? token : settings.ofEnvironment("token");
    if (given.isPresent()) {
      return given;
    }
    return stack.isPresent() && stack.get().isAt(address)
        ? stack.get().token()
        : settings.get("token");
  }

  private Optional<String> named(UserSettings settings) throws CommandFailure {
    return url.isPresent() ? url : settings.get("url");
  }

  /** The data folder of the local stack that commands are about. */
  Path data() throws CommandFailure {
    if (data.isPresent()) {
      return data.get();
    }
    Optional<String> named = named(UserSettings.ofUser());
    Optional<StackAddress> usual = stackIn(DATA);
    Map<Path, StackAddress> others = others();
    if (named.isPresent()) {
      return usual.filter(stack -> stack.isAt(named.get())).isPresent()
          ? DATA
          : others.entrySet().stream()
              .filter(stack -> stack.getValue().isAt(named.get()))
              .map(Map.Entry::getKey)
              .findFirst()
              .orElse(DATA);
    }
    return usual.isEmpty() && others.size() == 1 ? others.keySet().iterator().next() : DATA;
  }

  private static Map<Path, StackAddress> others() throws CommandFailure {
    try {
      return RunningStacks.ofUser().all();
    } catch (IOException | IllegalArgumentException e) {
      throw new CommandFailure("Cannot read which local stacks run: %s.".formatted(e), e);
    }
  }

  /** The local stack that runs in the data folder. */
  Optional<StackAddress> localStack() throws CommandFailure {
    return stackIn(data());
  }

  private static Optional<StackAddress> stackIn(Path folder) throws CommandFailure {
    try {
      return StackAddress.read(folder);
    } catch (IOException | IllegalArgumentException e) {
      throw new CommandFailure("Cannot read the local stack in %s: %s.".formatted(folder, e), e);
    }
  }
}
