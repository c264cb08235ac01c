package dev.atelier.deploy;

import dev.atelier.local.TemporalProgram;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds what {@code ./atelier test} has prepared: programs on the PATH, Temporal and Python. */
public final class Programs {

  private Programs() {}

  /** Where the program is, if it is on this machine. */
  public static Optional<Path> find(String program) {
    if (program.equals("temporal") && System.getenv(TemporalProgram.VARIABLE) != null) {
      return TemporalProgram.ofLauncher(); // an older one on the PATH was passed over
    }
    if (program.equals("python")) {
      return Optional.ofNullable(System.getenv("ATELIER_TEST_PYTHON")).map(Path::of);
    }
    return Stream.of(
            Optional.ofNullable(System.getenv("PATH")).orElse("").split(File.pathSeparator, -1))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
