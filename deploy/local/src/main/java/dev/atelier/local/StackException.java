package dev.atelier.local;

/** The local stack cannot start or go on; the message is a sentence for the user. */
public final class StackException extends Exception {

  private static final long serialVersionUID = 1L;

  public StackException(String message) {
    super(message);
  }

  public StackException(String message, Throwable cause) {
    super(message, cause);
  }
}
