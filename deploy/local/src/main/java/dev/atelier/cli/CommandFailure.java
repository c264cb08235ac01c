package dev.atelier.cli;

/** A command did not do what was asked; the message is for the user, and all there is to print. */
class CommandFailure extends Exception {

  private static final long serialVersionUID = 1L;

  CommandFailure(String message) {
    super(message);
  }

  CommandFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
