package dev.atelier.api.parameter;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.spec.SpecFault;
import java.util.List;
import java.util.Optional;

/** The header by which a repeated request is known. */
public final class IdempotencyKey {

  public static final String HEADER = "Idempotency-Key";

  private IdempotencyKey() {}

  /** The key that a request named, if it named one; throws a problem if it can't be one. */
  public static Optional<String> of(String header) {
    if (header != null
        && (header.isBlank() || header.length() > 200 || header.indexOf('\0') >= 0)) {
      String message = "must have 1 to 200 characters.";
      throw new ProblemException(
          ProblemType.INVALID_PARAMETER,
          HEADER + " " + message,
          List.of(new SpecFault(HEADER, message)));
    }
    return Optional.ofNullable(header);
  }
}
