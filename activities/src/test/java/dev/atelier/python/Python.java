package dev.atelier.python;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/** The Python that {@code ./atelier test} prepares, with PyTorch, diffusers and their like. */
public final class Python {

  private static final String PROGRAM =
      Optional.ofNullable(System.getenv("ATELIER_TEST_PYTHON")).orElse("python3");
  private static final Optional<String> MISSING =
      failure(
          Path.of("."),
          """
          import importlib.util, torch, numpy, scipy, safetensors
          for name in ('diffusers', 'transformers', 'accelerate', 'onnx', 'onnxruntime', 'onnxscript'):
              assert importlib.util.find_spec(name), 'no ' + name
          """);

  private Python() {}

  static boolean isPrepared() {
    return MISSING.isEmpty();
  }

  /** Runs a script in {@code directory}; its output is the message if it fails. */
  public static void run(Path directory, String script) {
    assertThat(failure(directory, script)).isEmpty();
  }

  private static Optional<String> failure(Path directory, String script) {
    try {
      Process process =
          new ProcessBuilder(PROGRAM, "-W", "ignore", "-c", script)
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? Optional.empty() : Optional.of(output + " (failed)");
    } catch (IOException e) {
      return Optional.of("no %s: %s".formatted(PROGRAM, e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.of("interrupted");
    }
  }
}
