package dev.atelier.cli;

import java.util.Optional;
import picocli.CommandLine.Option;

/** Which API a command talks to, and as whom. */
final class ApiOptions {

  private static final String LOCAL = "http://127.0.0.1:8080";

  @Option(
      names = "--url",
      paramLabel = "URL",
      description =
          "The API's address; else ATELIER_URL, else url in ~/.config/atelier/config.properties, else "
              + LOCAL
              + ".")
  private Optional<String> url = Optional.empty();

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description =
          "Who you are, where the API asks; else ATELIER_TOKEN, else token in that file. Other users of this machine see options.")
  private Optional<String> token = Optional.empty();

  AtelierApi api() throws CommandFailure {
    UserSettings settings = UserSettings.ofUser();
    return new AtelierApi(
        url.isPresent() ? url.get() : settings.get("url").orElse(LOCAL),
        token.isPresent() ? token : settings.get("token"));
  }
}
