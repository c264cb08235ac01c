package dev.atelier.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A service that runs a shell script, and answers once the script has made its file. */
record ShellService(String name, String script, Path answer, Duration startTimeout)
    implements Service {

  static ShellService named(String name, Path folder, String script) {
    return new ShellService(name, script, folder.resolve(name + ".up"), Duration.ofSeconds(20));
  }

  @Override
  public Launch launch() {
    return Launch.of(List.of("sh", "-c", script, name, answer.toString()));
  }

  @Override
  public void probe() throws IOException {
    if (!Files.exists(answer)) {
      throw new IOException("no " + answer);
    }
  }

  @Override
  public Duration stopGrace() {
    return Duration.ofSeconds(2);
  }
}
