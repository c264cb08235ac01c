package dev.atelier.store.objects;

/** A stored object is missing or is not what was written. */
public final class ObjectCorruptException extends RuntimeException {

  public ObjectCorruptException(String message) {
    super(message);
  }
}
