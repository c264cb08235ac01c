package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/** The machine's python3, where it has what a test needs. */
final class Python {

  private Python() {}

  /** Runs a script in {@code directory}; a machine without {@code modules} skips the test. */
  static void run(Path directory, String modules, String script) throws Exception {
    assumeTrue(failure(directory, "import " + modules).isEmpty(), "python3 has no " + modules);
    assertThat(failure(directory, script)).isEmpty();
  }

  private static Optional<String> failure(Path directory, String script) throws Exception {
    try {
      Process process =
          new ProcessBuilder("python3", "-W", "ignore", "-c", script)
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? Optional.empty() : Optional.of(output + " (failed)");
    } catch (IOException e) {
      return Optional.of("no python3: " + e.getMessage());
    }
  }
}
