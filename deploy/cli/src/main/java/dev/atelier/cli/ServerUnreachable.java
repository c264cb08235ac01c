package dev.atelier.cli;

import java.io.IOException;
import java.net.URI;

/** Nothing answers at the API's address; it may come back. */
final class ServerUnreachable extends CommandFailure {

  private static final long serialVersionUID = 1L;

  ServerUnreachable(URI base, IOException cause) {
    super(
        ExitCodes.UNAVAILABLE,
        "Cannot reach %s (%s). Start the local stack with ./atelier up, or give the address with --url."
            .formatted(base, cause.getMessage() == null ? "no connection" : cause.getMessage()),
        cause);
  }
}
