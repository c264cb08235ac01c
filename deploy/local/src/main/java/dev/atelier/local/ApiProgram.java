package dev.atelier.local;

import java.time.Duration;
import java.util.List;

/** Which program serves the API of a local stack. */
public enum ApiProgram {
  /** The one that was built. */
  BUILT(Duration.ofMinutes(2)) {
    @Override
    List<String> command(Installation installation) {
      List<String> command = JavaChild.jvm("256m");
      command.addAll(List.of(ApiService.OPEN_BUFFERS, "-jar", installation.apiJar().toString()));
      return command;
    }
  },

  /** The sources, in Quarkus's dev mode: what has changed is compiled at the next request. */
  SOURCES(Duration.ofMinutes(10)) { // Maven compiles, and may have to fetch
    @Override
    List<String> command(Installation installation) {
      return List.of(
          installation
              .root()
              .resolve("mvnw")
              .toString(), // dev mode wants a newer Maven than Debian has
          "--batch-mode",
          "--no-transfer-progress",
          "--file",
          installation.root().resolve("pom.xml").toString(),
          "--projects",
          "api",
          "--also-make",
          "--activate-profiles=!clients", // which only tests want
          "-Dspotless.check.skip",
          "-Ddebug=false",
          "-Dquarkus.console.enabled=false",
          "-Dquarkus.test.continuous-testing=disabled",
          "-Djvm.args=" + ApiService.OPEN_BUFFERS,
          "compile",
          "quarkus:dev");
    }
  };

  private final Duration startTimeout;

  ApiProgram(Duration startTimeout) {
    this.startTimeout = startTimeout;
  }

  abstract List<String> command(Installation installation);

  Duration startTimeout() {
    return startTimeout;
  }
}
