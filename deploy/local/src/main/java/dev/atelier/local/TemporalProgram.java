package dev.atelier.local;

import java.nio.file.Path;
import java.util.Optional;

/** The {@code temporal} program that the launcher has found or fetched (deploy/setup). */
public final class TemporalProgram {

  /** Environment variable that names it; empty: there is none to be had. */
  public static final String VARIABLE = "ATELIER_TEMPORAL";

  /** What a stack without it costs; the README and docs/reliability.md say the same. */
  static final String IN_MEMORY =
      "Temporal runs in memory: it has no Web UI and forgets its workflows with the stack; "
          + "running experiments then begin again at their checkpoints, studies end.";

  private TemporalProgram() {}

  /** The program of {@link #VARIABLE}, if it names one. */
  public static Optional<Path> ofLauncher() {
    return Optional.ofNullable(System.getenv(VARIABLE))
        .filter(name -> !name.isBlank())
        .map(Path::of);
  }
}
