package dev.atelier.store;

/** A newer attempt owns the work, so this one may change nothing. */
public final class SupersededException extends RuntimeException {

  public SupersededException(String message) {
    super(message);
  }
}
