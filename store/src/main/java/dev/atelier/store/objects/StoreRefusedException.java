package dev.atelier.store.objects;

/** The object store does not accept the keys: trying again does not help. */
public final class StoreRefusedException extends RuntimeException {

  public StoreRefusedException(String message, Throwable cause) {
    super(message, cause);
  }
}
