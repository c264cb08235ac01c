package dev.atelier.deploy;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds programs on the PATH and in {@code ~/go/bin}. */
public final class Programs {

  private Programs() {}

  /** Where the program is, if it is on this machine. */
  public static Optional<Path> find(String program) {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
    String goBin = Path.of(System.getProperty("user.home"), "go", "bin").toString();
    return Stream.concat(Stream.of(path.split(File.pathSeparator, -1)), Stream.of(goBin))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
