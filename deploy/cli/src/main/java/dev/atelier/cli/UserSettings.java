package dev.atelier.cli;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/**
 * What a user has set once for all commands: in the environment ({@code ATELIER_URL}), or in a file
 * ({@code url = …}), which {@code ATELIER_CONFIG} names.
 */
final class UserSettings {

  private final Map<String, String> environment;
  private final Path file;

  UserSettings(Map<String, String> environment, Path home) {
    this.environment = environment;
    this.file =
        Optional.ofNullable(environment.get("ATELIER_CONFIG"))
            .map(Path::of)
            .orElseGet(
                () ->
                    Optional.ofNullable(environment.get("XDG_CONFIG_HOME"))
                        .map(Path::of)
                        .orElse(home.resolve(".config"))
                        .resolve("atelier/config.properties"));
  }

  static UserSettings ofUser() {
    return new UserSettings(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  /** The value of a setting that the environment has. */
  Optional<String> ofEnvironment(String name) {
    return Optional.ofNullable(environment.get("ATELIER_" + name.toUpperCase(Locale.ROOT)))
        .filter(text -> !text.isBlank());
  }

  /**
   * The value of a setting such as {@code url}.
   *
   * @throws CommandFailure if there is a file that cannot be read
   */
  Optional<String> get(String name) throws CommandFailure {
    Optional<String> value = ofEnvironment(name);
    if (value.isPresent()) {
      return value;
    }
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      properties.load(reader);
    } catch (IOException | IllegalArgumentException e) {
      throw new CommandFailure("Cannot read the settings in %s: %s.".formatted(file, e), e);
    }
    return Optional.ofNullable(properties.getProperty(name)).filter(text -> !text.isBlank());
  }
}
