package dev.atelier.untrusted;

/** A user's TorchScript may not be opened; the message is a clause that says what was found. */
public final class RefusedCodeException extends Exception {

  RefusedCodeException(String clause) {
    super(clause);
  }

  RefusedCodeException(String clause, Throwable cause) {
    super(clause, cause);
  }
}
