package dev.atelier.cli;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpTimeoutException;

/** Nothing answers at the API's address; it may come back. */
final class ServerUnreachable extends CommandFailure {

  private static final long serialVersionUID = 1L;

  ServerUnreachable(URI base, IOException cause) {
    super(ExitCodes.UNAVAILABLE, sentence(base, cause), cause);
  }

  private static String sentence(URI base, IOException cause) {
    if (cause instanceof HttpTimeoutException && !(cause instanceof HttpConnectTimeoutException)) {
      return "%s takes connections, but has not answered in time.".formatted(base);
    }
    return "Cannot reach %s (%s). Start the local stack with ./atelier up, or give the address with --url."
        .formatted(base, cause.getMessage() == null ? "no connection" : cause.getMessage());
  }
}
