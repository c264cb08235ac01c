package dev.atelier.network.tensors;

import java.io.IOException;
import java.nio.file.Path;

/** A file is no valid safetensors file. */
public final class SafetensorsException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String reason;

  SafetensorsException(Path file, String reason) {
    super("Cannot read safetensors file '%s': %s.".formatted(file, reason));
    this.reason = reason;
  }

  /** What is wrong with it, a clause. */
  public String reason() {
    return reason;
  }
}
