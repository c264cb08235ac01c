package dev.atelier.dataset;

/** A dataset cannot be prepared or read; the message says what was found and what was expected. */
public final class DatasetException extends RuntimeException {

  /** UNREACHABLE may pass when tried again; CORRUPT stays until the source or its name changes. */
  public enum Kind {
    UNREACHABLE,
    CORRUPT
  }

  private final Kind kind;

  public DatasetException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public DatasetException(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
