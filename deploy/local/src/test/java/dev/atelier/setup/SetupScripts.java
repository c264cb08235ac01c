package dev.atelier.setup;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Runs functions of {@code deploy/setup} in a shell whose home and PATH are a test's own. */
final class SetupScripts {

  /** What a shell said on both streams, and its exit status. */
  record Result(int status, String said) {}

  private static final Path SETUP = Path.of("../setup").toAbsolutePath().normalize();

  private final Path home;
  private final Path bin;
  private final Map<String, String> environment = new HashMap<>();

  /**
   * @param folder becomes the home; its {@code bin} comes first on the PATH
   */
  SetupScripts(Path folder) throws IOException {
    home = folder;
    bin = Files.createDirectories(folder.resolve("bin"));
    environment.put("HOME", home.toString());
    environment.put("XDG_CACHE_HOME", folder.resolve("cache").toString());
    environment.put("PATH", bin + ":" + System.getenv("PATH"));
    environment.put("PIP_NO_INDEX", "1"); // no network: what pip finds, a test has put there
    environment.put("PIP_FIND_LINKS", folder.resolve("wheels").toString());
  }

  SetupScripts with(String variable, String value) {
    environment.put(variable, value);
    return this;
  }

  Path cache() {
    return home.resolve("cache/atelier");
  }

  /** Puts a program on the PATH. */
  Path program(String name, String script) throws IOException {
    Path program = Files.writeString(bin.resolve(name), "#!/bin/sh\n" + script + "\n");
    if (!program.toFile().setExecutable(true)) {
      throw new IOException("Cannot make %s a program.".formatted(program));
    }
    return program;
  }

  /** Runs shell commands after the launcher's functions were read. */
  Result run(String commands) throws IOException, InterruptedException {
    ProcessBuilder shell =
        new ProcessBuilder(
                List.of(
                    "bash",
                    "-c",
                    """
                    set -euo pipefail
                    home=%s
                    for part in common jdk temporal tests; do . "%s/$part.sh"; done
                    choose_cache
                    %s
                    """
                        .formatted(home, SETUP, commands)))
            .redirectErrorStream(true);
    shell.environment().clear();
    shell.environment().putAll(environment);
    Process process = shell.start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), said);
  }
}
