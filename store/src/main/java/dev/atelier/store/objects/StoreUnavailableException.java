package dev.atelier.store.objects;

/** The object store or the database did not do what was asked; trying again may help. */
public final class StoreUnavailableException extends RuntimeException {

  public StoreUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
