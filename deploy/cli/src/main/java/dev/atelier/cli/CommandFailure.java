package dev.atelier.cli;

/** A command did not do what was asked; the message is for the user, and all there is to print. */
public class CommandFailure extends Exception {

  private static final long serialVersionUID = 1L;

  private final int exitCode;

  public CommandFailure(String message) {
    this(ExitCodes.FAILED, message);
  }

  /**
   * @param exitCode one of {@link ExitCodes}
   */
  CommandFailure(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  public CommandFailure(String message, Throwable cause) {
    this(ExitCodes.FAILED, message, cause);
  }

  CommandFailure(int exitCode, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
  }

  int exitCode() {
    return exitCode;
  }
}
