package dev.atelier.network.libtorch;

/** libtorch reported an error while it ran a TorchScript method. */
public final class TorchException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public TorchException(String method, String reason) {
    super("TorchScript method '%s' failed: %s".formatted(method, reason));
  }

  TorchException(String method, String reason, Throwable cause) {
    super("TorchScript method '%s' failed: %s".formatted(method, reason), cause);
  }
}
