package dev.atelier.reuse;

/** Another experiment is at the same work now: whoever wants it waits for that one. */
public final class DoneElsewhereException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DoneElsewhereException(String message) {
    super(message);
  }
}
