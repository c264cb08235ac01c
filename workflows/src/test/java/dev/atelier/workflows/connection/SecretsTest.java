package dev.atelier.workflows.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SecretsTest {

  private static final String SETTING = "atelier.s3.secret-key";

  @TempDir private Path directory;

  @Test
  void shouldReadASecretFromItsFileWithoutTheLastLineEnd() throws IOException {
    Path file = Files.writeString(directory.resolve("key"), "a b\n c \r\n");
    assertThat(Secrets.fromFile(SETTING, Map.of(SETTING + "-file", file.toString())::get))
        .contains("a b\n c ");
  }

  @Test
  void shouldReadNoFileWhereNoneIsNamedOrTheSettingIsNoSecret() throws IOException {
    Path file = Files.writeString(directory.resolve("key"), "a");
    assertThat(Secrets.fromFile(SETTING, Map.<String, String>of()::get)).isEmpty();
    assertThat(
            Secrets.fromFile(
                "atelier.s3.bucket", Map.of("atelier.s3.bucket-file", file.toString())::get))
        .isEmpty();
  }

  @Test
  void shouldNameTheSettingAndTheFileWhenItCannotBeRead() throws IOException {
    Path missing = directory.resolve("missing");
    assertThatThrownBy(
            () -> Secrets.fromFile(SETTING, Map.of(SETTING + "-file", missing.toString())::get))
        .hasMessageContaining("atelier.s3.secret-key-file names '%s'".formatted(missing));
    Path empty = Files.writeString(directory.resolve("empty"), "\n");
    assertThatThrownBy(
            () -> Secrets.fromFile(SETTING, Map.of(SETTING + "-file", empty.toString())::get))
        .hasMessageContaining("which is empty");
  }
}
