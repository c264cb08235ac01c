package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.cli.stack.StackAddress;
import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Python package {@code api/clients/python}: its wheel is made of the generated client, and its
 * own tests run against a local stack, a server of MLflow and TensorBoard's reader.
 */
@RequiresProgram({"temporal", "notebook_python"})
@Timeout(1800)
class PythonPackageIT {

  private static final Path PACKAGE = StackUnderTest.ROOT.resolve("api/clients/python");
  private static final Path CLIENTS = StackUnderTest.ROOT.resolve("api/target/clients");
  private static final Path WHEEL = CLIENTS.resolve("atelier-0.1.0-py3-none-any.whl");

  @Test
  void shouldPassItsTestsFromItsWheel(@TempDir Path directory) throws Exception {
    String python = Programs.find("notebook_python").orElseThrow().toString();
    Files.deleteIfExists(WHEEL);
    run(Map.of(), PACKAGE + "/make-wheel.sh", CLIENTS + "/python", CLIENTS.toString(), python);
    Path installed = directory.resolve("installed");
    run(
        Map.of(),
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
        "--target=" + installed,
        WHEEL.toString());
    try (LocalStack stack = StackUnderTest.prepare(directory.resolve("data"))) {
      StackAddress address = stack.start().client();
      run(
          Map.of(
              "ATELIER_URL",
              address.url(),
              "ATELIER_TOKEN",
              address.token().orElseThrow(),
              "HOME",
              directory.toString(), // no settings of the user's
              "PYTHONPATH",
              installed.toString(),
              "PYTHONDONTWRITEBYTECODE",
              "1"),
          python,
          "-m",
          "pytest",
          "-p",
          "no:cacheprovider",
          "--basetemp=" + directory.resolve("pytest"),
          "--tb=short",
          PACKAGE.resolve("tests").toString());
    }
  }

  private static void run(Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.directory(PACKAGE.toFile()).environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as("%s: %s", String.join(" ", command), said).isZero();
  }
}
