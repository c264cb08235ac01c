package dev.atelier.dataset.image;

/** This machine can't decode a format; the message says what it lacks. */
public final class NoDecoderException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  NoDecoderException(String message, Throwable cause) {
    super(message, cause);
  }
}
