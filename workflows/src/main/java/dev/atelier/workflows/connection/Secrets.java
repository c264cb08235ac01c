package dev.atelier.workflows.connection;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Settings that are secret. Each may stand in a file, as container platforms mount them: the file's
 * name is the setting with {@code -file} behind it, {@code ATELIER_S3_SECRET_KEY_FILE}.
 */
public final class Secrets {

  /** Their names, in all programs. */
  public static final Set<String> NAMES =
      Set.of(
          "atelier.auth.bootstrap-token",
          "atelier.auth.oidc.client-secret",
          "atelier.auth.oidc.state-secret",
          "atelier.database.password",
          "atelier.mail.password",
          "atelier.http.metrics-token",
          "atelier.s3.access-key",
          "atelier.s3.secret-key",
          "atelier.temporal.api-key",
          "quarkus.datasource.password");

  private static final long MAX_BYTES = 64 * 1024;

  private Secrets() {}

  /**
   * The content of the file that holds a secret, less the line end at its end; empty: {@code name}
   * is no secret or no file is named for it. A file wins over a value.
   *
   * @param settings the value of another setting, or null
   * @throws IllegalArgumentException if the file cannot be read or is empty
   */
  public static Optional<String> fromFile(String name, Function<String, String> settings) {
    if (!NAMES.contains(name)) {
      return Optional.empty();
    }
    String setting = name + "-file";
    String file = settings.apply(setting);
    if (file == null || file.isBlank()) {
      return Optional.empty();
    }
    try {
      Path path = Path.of(file);
      if (Files.size(path) > MAX_BYTES) {
        throw new IllegalArgumentException(
            "%s names '%s', which has %d bytes; expected a secret of at most %d."
                .formatted(setting, file, Files.size(path), MAX_BYTES));
      }
      String content = Files.readString(path, StandardCharsets.UTF_8).replaceFirst("\\R\\z", "");
      if (content.isEmpty()) {
        throw new IllegalArgumentException(
            "%s names '%s', which is empty; expected a secret.".formatted(setting, file));
      }
      return Optional.of(content);
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "%s names '%s', which cannot be read: %s.".formatted(setting, file, e), e);
    }
  }
}
