package dev.atelier.training;

/**
 * The spec asks for what turned out to be impossible only once the teacher or the data was there.
 */
public final class InvalidSpecException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidSpecException(String sentence) {
    super(sentence);
  }
}
