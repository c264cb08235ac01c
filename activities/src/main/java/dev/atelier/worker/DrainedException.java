package dev.atelier.worker;

/** This worker is ending; another one shall do the work. */
final class DrainedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  DrainedException() {
    super("The worker was asked to end; the work goes on in another one.");
  }
}
