package dev.atelier.api.temporal;

/** Temporal, or a worker that must answer, cannot be reached now. */
public class TemporalUnavailableException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  TemporalUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
