package dev.atelier.network;

/** Feature distillation was asked for between networks that have no features to compare. */
public final class FeatureLossException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public FeatureLossException(String message) {
    super(message);
  }
}
