package dev.atelier.api.temporal;

/** Temporal has refused a call because it has too many. */
public final class TemporalBusyException extends TemporalUnavailableException {

  private static final long serialVersionUID = 1L;

  TemporalBusyException(Throwable cause) {
    super("Temporal has too many calls now, or too many for this workflow: ask again.", cause);
  }
}
