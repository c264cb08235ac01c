package dev.atelier.worker;

/** The worker cannot start; the message says to an operator what is wrong and where. */
final class StartException extends RuntimeException {

  private final transient ExitCode code;

  StartException(ExitCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  ExitCode code() {
    return code;
  }
}
