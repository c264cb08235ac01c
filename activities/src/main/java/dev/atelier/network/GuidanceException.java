package dev.atelier.network;

/** A guided prediction was asked for of a teacher that can't give one. */
public final class GuidanceException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public GuidanceException(String message) {
    super(message);
  }
}
