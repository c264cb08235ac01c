package dev.atelier.evaluation;

/** A feature extractor can't be used; the message says what was found and what was expected. */
public final class ExtractorException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ExtractorException(String message) {
    super(message);
  }

  public ExtractorException(String message, Throwable cause) {
    super(message, cause);
  }
}
