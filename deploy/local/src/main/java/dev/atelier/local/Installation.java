package dev.atelier.local;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The built programs of this source tree. */
public record Installation(Path root) {

  private static final String WORKER_JAR = "activities/target/atelier-activities-0.1.0.jar";

  /** The tree that the launcher names in the system property {@code atelier.home}. */
  public static Installation ofLauncher() {
    return new Installation(Path.of(System.getProperty("atelier.home", ".")).toAbsolutePath());
  }

  Path apiJar() {
    return root.resolve("api/target/quarkus-app/quarkus-run.jar");
  }

  String workerClassPath() {
    return root.resolve(WORKER_JAR) + ":" + root.resolve("activities/target/lib") + "/*";
  }

  void requireBuilt() throws StackException {
    for (Path part : List.of(apiJar(), root.resolve(WORKER_JAR))) {
      if (!Files.exists(part)) {
        throw new StackException("%s is missing: build it with mvn package.".formatted(part));
      }
    }
  }
}
