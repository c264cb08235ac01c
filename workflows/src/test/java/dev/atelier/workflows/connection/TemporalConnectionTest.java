package dev.atelier.workflows.connection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemporalConnectionTest {

  private static final Optional<Path> NO_FILE = Optional.empty();

  @Test
  void shouldRefuseACertificateWithoutItsKey() {
    assertThatThrownBy(
            () -> connection(false, NO_FILE, Optional.of(Path.of("c.pem")), Optional.empty()))
        .hasMessageStartingWith("atelier.temporal.key-file is missing");
  }

  @Test
  void shouldRefuseToSendAnApiKeyInPlainText() {
    assertThatThrownBy(() -> connection(false, NO_FILE, NO_FILE, Optional.of("secret")))
        .hasMessageStartingWith("atelier.temporal.tls must be true")
        .hasMessageNotContaining("secret");
    assertThat(connection(true, NO_FILE, NO_FILE, Optional.of("secret")).toString())
        .isEqualTo("Temporal at host:1 over TLS");
  }

  @Test
  void shouldNameAFileThatHoldsNoCertificate(@TempDir Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("ca.pem"), "nothing");
    assertThatThrownBy(
            () -> connection(true, Optional.of(file), NO_FILE, Optional.empty()).stubsOptions())
        .hasMessageContaining(file.toString());
  }

  private static TemporalConnection connection(
      boolean tls, Optional<Path> ca, Optional<Path> certificate, Optional<String> apiKey) {
    return new TemporalConnection(
        "host:1", tls, ca, certificate, Optional.empty(), Optional.empty(), apiKey);
  }
}
